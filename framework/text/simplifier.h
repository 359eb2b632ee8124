// Text as near-duplicates are compared: datatrove's simplify_text with its defaults. In this order:
// lower case (with Python's final sigma), every number 0 (decimal digits of any script, with one
// decimal separator inside), punctuation to spaces, runs of whitespace to one space, then canonical
// decomposition without its nonspacing marks.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/words.h"

namespace lehr::text {

// One object per thread.
class Simplifier {
 public:
  Simplifier();

  // text: valid UTF-8. The result is valid until the next call. Two spaces stand together only
  // where a word was made of marks alone.
  std::string_view simplify(std::string_view text);
  // What stands between spaces in that result, by bytes of it; behind it 16 bytes more may be read.
  const std::vector<Span>& words() const { return words_; }
  // Whether it is ASCII, so that those are its words by any splitter.
  bool is_ascii() const { return ascii_; }

 private:
  // decomposed: character by character, which gives the result unless marks have to change places.
  void scan(std::string_view text, bool decomposed);
  std::string_view decompose_whole();
  void reserve(std::size_t bytes);
  void end_word();
  void begin_word();
  // Takes letters and what separates them, in ASCII, from `at` on, as long as there is room to do
  // so sixteen bytes at a time. Returns where something else is.
  std::size_t scan_letters(std::string_view text, std::size_t at);
  void put(char32_t c);
  void add_characters(char32_t c, bool final_sigma, bool decomposed);
  std::uint32_t fate(char32_t c);

  // What becomes of the characters of the first plane, filled in as they are met.
  std::vector<std::uint32_t> plane_;
  std::vector<char> out_;
  std::vector<Span> words_;
  std::size_t size_ = 0;
  bool in_word_ = false, marks_ = false;  // marks_: some were dropped
  bool ascii_ = true;
  bool unordered_ = false;  // has marks that may have to change places
};

}  // namespace lehr::text
