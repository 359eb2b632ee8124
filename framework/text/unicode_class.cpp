#include "text/unicode_class.h"

#include <utf8proc.h>

#include <algorithm>

namespace lehr::text {
namespace {

bool is_white_space(utf8proc_int32_t c) {
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::uint8_t flags_of(utf8proc_int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return kLetter | kUpper;
    case UTF8PROC_CATEGORY_LL:
      return kLetter | kLower;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return kLetter | kUpper | kLower;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return kUpper | kLower;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return kNumber;
    default:
      return is_white_space(c) ? kSpace : 0;
  }
}

// Symbols that Unicode lists as Other_Alphabetic: circled and squared Latin letters.
bool is_alphabetic_symbol(utf8proc_int32_t c) {
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
         (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

// Length in bytes of the character at `at`, less than 1 if it is not valid UTF-8.
utf8proc_ssize_t decode(std::string_view text, std::size_t at, utf8proc_int32_t& code) {
  const auto left = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size() - at, 4));
  return utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at), left, &code);
}

}  // namespace

Char detail::char_beyond_ascii(std::string_view text, std::size_t at) {
  utf8proc_int32_t code = 0;
  const auto length = decode(text, at, code);
  if (length < 1) return {0, 1};
  return {flags_of(code), static_cast<std::uint8_t>(length)};
}

bool is_word_character(std::string_view text, std::size_t at) {
  utf8proc_int32_t code = 0;
  if (decode(text, at, code) < 1) return false;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      return code == 0x200C || code == 0x200D || is_alphabetic_symbol(code) ||
             (flags_of(code) & (kLetter | kUpper | kLower));
  }
}

}  // namespace lehr::text
