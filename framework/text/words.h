// The words of valid UTF-8 text, and how many sentences it has.
//
//   whitespace  what str.split gives: punctuation stays with its word
//   uax29       the segments between Unicode's word boundaries (UAX #29, default rules) that are
//               more than whitespace: "can't", "3.14", "_id", and each punctuation mark alone
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace lehr::text {

enum class WordSplitter { whitespace, uax29 };

// Bytes [begin, end) of a text.
struct Span {
  std::uint32_t begin, end;
  bool operator==(const Span&) const = default;
};
constexpr std::size_t kLongestText = std::numeric_limits<std::uint32_t>::max();

// Replaces what `words` held. text: at most kLongestText bytes.
void find_words(std::string_view text, WordSplitter splitter, std::vector<Span>& words);

// Counts sentences as spaCy's sentencizer cuts them: one ends with a terminal and the punctuation
// after it.
class SentenceCounter {
 public:
  // The next word; ends: it is a terminal that ends a sentence.
  void add(std::string_view word, bool ends);
  std::size_t count() const { return count_; }  // at least 1

 private:
  std::size_t count_ = 1;
  bool ended_ = false;
};

// Sentences over uax29 words. A full stop that belongs to an ellipsis or an initial ("U.S.") ends
// none. Counting stops at `enough`. scratch: words.
std::size_t count_sentences(std::string_view text, std::size_t enough, std::vector<Span>& scratch);

}  // namespace lehr::text
