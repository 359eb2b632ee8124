// How often each pre-token occurs in a corpus: the input of BPE training. Any thread may add text;
// the sorted result does not depend on which did, or in which order.
//
// Memory: 38 to 77 bytes for each different word of up to 15 bytes and each thread that met it
// (24 to 48 once the threads' tables are one), and its length more for a longer one.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "text/pretokenizer.h"

namespace lehr::text {

struct WordCount {
  std::string_view word;  // bytes
  std::int64_t count;
};

class WordCounts {
 public:
  explicit WordCounts(Pretokenizer pretokenizer);
  ~WordCounts();
  WordCounts(const WordCounts&) = delete;
  WordCounts& operator=(const WordCounts&) = delete;

  // Counts the pre-tokens of one document. Thread-safe without locks (one table per thread).
  void add(std::string_view text);
  // Memory held. Any thread; without what others are just adding.
  std::size_t bytes() const;
  // All words, by bytes ascending; they are valid until text is added. Not while another thread
  // adds.
  std::vector<WordCount> sorted();

 private:
  struct Tables;
  Pretokenizer pretokenizer_;
  std::unique_ptr<Tables> tables_;
};

}  // namespace lehr::text
