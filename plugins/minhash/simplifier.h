// Text as near-duplicates are compared: datatrove's simplify_text with its defaults. In this order:
// lower case (with Python's final sigma), every number 0 (decimal digits of any script, with one
// decimal separator inside), punctuation to spaces, runs of whitespace to one space, then canonical
// decomposition without its nonspacing marks.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace lehr::plugins::minhash {

// One object per thread.
class Simplifier {
 public:
  Simplifier();

  // text: valid UTF-8. The result is valid until the next call. Two spaces stand together only
  // where a word was made of marks alone.
  std::string_view simplify(std::string_view text);
  // Whether that result is ASCII: its words then are what stands between spaces.
  bool is_ascii() const { return ascii_; }

 private:
  // decomposed: character by character, which gives the result unless marks have to change places.
  void scan(std::string_view text, bool decomposed);
  std::string_view decompose_whole();
  void reserve(std::size_t bytes);
  void end_word() { space_ = begun_; }
  void begin_word();
  void put(char32_t c);
  void add_characters(char32_t c, bool final_sigma, bool decomposed);
  std::uint32_t fate(char32_t c);

  // What becomes of the characters of the first plane, filled in as they are met.
  std::vector<std::uint32_t> plane_;
  std::vector<char> out_;
  std::size_t size_ = 0;
  bool space_ = false, begun_ = false;
  bool ascii_ = true;
  bool unordered_ = false;  // has marks that may have to change places
};

}  // namespace lehr::plugins::minhash
