// Words as spaCy's rule-based tokenizer cuts them, for decisions that are defined by them. Its
// rules come from an installed spaCy, as a table that tools/spacy_table writes; none are part of
// Lehr.
//
// A text is cut at whitespace; from each piece prefixes and suffixes are taken until none is left
// or a special case is ("can't" is "ca" and "n't"); the middle is one word if it is an address,
// else cut at infixes; at last special cases that the cutting has taken apart ("a.m.", ":-)") are
// put together as their rules say. Words keep no whitespace around them, and what is whitespace
// alone is none.
//
// One thing differs: a piece of more than kLongestPiece bytes without whitespace stays one word,
// because some languages' expressions take time by the square of its length.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "text/words.h"

namespace lehr::text {

// The rules. Any number of threads may use one.
class SpacyTable {
 public:
  // Throws Error naming the file, if it cannot be read or is no such table.
  explicit SpacyTable(const std::filesystem::path& path);
  ~SpacyTable();
  SpacyTable(SpacyTable&&) noexcept;

  // Of the file: those of different tables differ. Never 0.
  std::uint64_t hash() const { return hash_; }

 private:
  friend class SpacyWords;
  struct Rules;
  std::uint64_t hash_ = 0;
  std::unique_ptr<const Rules> rules_;
};

// Cuts by a table. One object per thread.
class SpacyWords {
 public:
  static constexpr std::size_t kLongestPiece = 20000;

  explicit SpacyWords(std::shared_ptr<const SpacyTable> table);
  ~SpacyWords();
  SpacyWords(SpacyWords&&) noexcept;

  const SpacyTable& table() const;
  // Replaces what `words` held. text: valid UTF-8 of at most kLongestText bytes.
  void find(std::string_view text, std::vector<Span>& words);
  // As spaCy's sentencizer cuts them; at least 1; counting stops at `enough`.
  std::size_t count_sentences(std::string_view text, std::size_t enough);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace lehr::text
