// What filters need to know of a character, in one look-up: its word-break property (UAX #29) and
// the classes that Python's str methods go by. The table behind it is written at build time from
// ICU's Unicode data (make_character_table.cpp); nothing here needs ICU when it runs.
#pragma once

#include <cstdint>

namespace lehr::text {

// Values of the property Word_Break, UAX #29 table 3.
enum class WordBreak : std::uint8_t {
  other,
  newline,  // Newline, CR, LF
  extend,
  zwj,
  format,
  regional_indicator,
  katakana,
  hebrew_letter,
  letter,
  single_quote,
  double_quote,
  mid_num_let,
  mid_letter,
  mid_num,
  numeric,
  extend_num_let,
  white_space,  // WSegSpace
};

class Character {
 public:
  enum Flag : std::uint16_t {
    kWordBreak = 0x1f,
    kAlphabetic = 1 << 5,     // str.isalpha: L*
    kSpace = 1 << 6,          // str.isspace
    kLineEnd = 1 << 7,        // what str.splitlines ends a line at
    kPunctuation = 1 << 8,    // P*
    kSentenceEnd = 1 << 9,    // Sentence_Terminal
    kPictographic = 1 << 10,  // Extended_Pictographic
    kCased = 1 << 11,
    kDigit = 1 << 12,         // Nd
    kAlphanumeric = 1 << 13,  // str.isalnum
    kCaseIgnorable = 1 << 14,
  };
  constexpr explicit Character(std::uint16_t flags = 0) : flags_(flags) {}
  WordBreak word_break() const { return static_cast<WordBreak>(flags_ & kWordBreak); }
  bool is(unsigned flags) const { return (flags_ & flags) != 0; }

 private:
  std::uint16_t flags_;
};

namespace detail {
inline constexpr unsigned kCharacterPage = 128;  // code points
extern const std::uint8_t kCharacterPages[0x110000 / kCharacterPage];
extern const std::uint16_t kCharacterFlags[][kCharacterPage];
}  // namespace detail

// c: below 0x110000.
inline Character character(char32_t c) {
  return Character(detail::kCharacterFlags[detail::kCharacterPages[c / detail::kCharacterPage]]
                                          [c % detail::kCharacterPage]);
}

}  // namespace lehr::text
