// What the pre-tokenizers need to know of a character: its general category as a set of flags.
#pragma once

#include <cstdint>
#include <string_view>

namespace lehr::text {

enum CharClass : std::uint8_t {
  kLetter = 1,   // \p{L}
  kNumber = 2,   // \p{N}
  kSpace = 4,    // \s: Unicode White_Space
  kNewline = 8,  // \r \n; also kSpace
  kUpper = 16,   // [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
  kLower = 32,   // [\p{Ll}\p{Lm}\p{Lo}\p{M}]
};

struct Char {
  std::uint8_t flags;   // of CharClass; 0: mark-free "other", or a byte of invalid UTF-8
  std::uint8_t length;  // in bytes, at least 1
};

namespace detail {
Char char_beyond_ascii(std::string_view text, std::size_t at);

constexpr std::uint8_t ascii_flags(unsigned char c) {
  if (c >= 'a' && c <= 'z') return kLetter | kLower;
  if (c >= 'A' && c <= 'Z') return kLetter | kUpper;
  if (c >= '0' && c <= '9') return kNumber;
  if (c == '\r' || c == '\n') return kSpace | kNewline;
  return c == ' ' || (c >= 9 && c <= 13) ? kSpace : 0;
}
struct AsciiTable {
  std::uint8_t flags[128];
  constexpr AsciiTable() : flags{} {
    for (int c = 0; c < 128; ++c) flags[c] = ascii_flags(static_cast<unsigned char>(c));
  }
};
inline constexpr AsciiTable kAscii;
}  // namespace detail

// The character that starts at byte `at` < text.size().
inline Char char_at(std::string_view text, std::size_t at) {
  const auto c = static_cast<unsigned char>(text[at]);
  if (c < 128) return {detail::kAscii.flags[c], 1};
  return detail::char_beyond_ascii(text, at);
}

// \w of Unicode (UTS #18): Alphabetic, marks, decimal digits, connectors and joiners.
bool is_word_character(std::string_view text, std::size_t at);

}  // namespace lehr::text
