// How often each pre-token occurs in a corpus: the input of BPE training. Any thread may add text;
// the sorted result does not depend on which did, or in which order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/pretokenizer.h"

namespace lehr::text {

struct WordCount {
  std::string word;  // bytes
  std::int64_t count;
};

class WordCounts {
 public:
  explicit WordCounts(Pattern pattern);
  ~WordCounts();
  WordCounts(const WordCounts&) = delete;
  WordCounts& operator=(const WordCounts&) = delete;

  // Counts the pre-tokens of one document. Thread-safe without locks (one table per thread).
  void add(std::string_view text);
  // All words, by bytes ascending. Not while another thread adds.
  std::vector<WordCount> sorted() const;

 private:
  struct Tables;
  Pattern pattern_;
  std::unique_ptr<Tables> tables_;
};

}  // namespace lehr::text
