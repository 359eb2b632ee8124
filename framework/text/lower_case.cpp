#include "text/lower_case.h"

#include <utf8proc.h>

#include "text/words_and_lines.h"

namespace lehr::text {
namespace {

constexpr char32_t kSigma = 0x3a3, kFinalSigma = 0x3c2, kDottedI = 0x130;

// The last character of a text that is not empty, taken off it.
char32_t take_last_code_point(std::string_view& text) {
  std::size_t begin = text.size() - 1;
  while (begin > 0 && is_continuation(text[begin])) --begin;
  std::string_view last = text.substr(begin);
  text = text.substr(0, begin);
  return take_code_point(last);
}

}  // namespace

// A cased character stands before and none after, with nothing but ignorable ones between.
bool is_final_sigma(std::string_view text, std::size_t at) {
  std::string_view before = text.substr(0, at), after = text.substr(at);
  take_code_point(after);
  bool cased = false;
  while (!before.empty()) {
    const Character c = character(take_last_code_point(before));
    if (c.is(Character::kCaseIgnorable)) continue;
    cased = c.is(Character::kCased);
    break;
  }
  if (!cased) return false;
  while (!after.empty()) {
    const Character c = character(take_code_point(after));
    if (!c.is(Character::kCaseIgnorable)) return !c.is(Character::kCased);
  }
  return true;
}

void append_code_point(std::string& out, char32_t c) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

void lower_case(std::string_view text, std::string& out) {
  out.clear();
  out.reserve(text.size() + text.size() / 2);
  for (std::string_view rest = text; !rest.empty();) {
    if (static_cast<unsigned char>(rest[0]) < 0x80) {
      const char c = rest[0];
      out += static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0));
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t at = text.size() - rest.size();
    const char32_t c = take_code_point(rest);
    if (c == kDottedI)
      out += "i\u0307";
    else if (c == kSigma)
      append_code_point(out, is_final_sigma(text, at) ? kFinalSigma : 0x3c3);
    else
      append_code_point(out,
                        static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

}  // namespace lehr::text
