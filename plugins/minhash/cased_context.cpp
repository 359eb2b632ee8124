#include "cased_context.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

#include "text/words_and_lines.h"

namespace lehr::plugins::minhash {
namespace {

struct Range {
  char32_t first, last;
};

bool is_in(const Range* begin, const Range* end, char32_t c) {
  const Range* after =
      std::upper_bound(begin, end, c, [](char32_t x, const Range& r) { return x < r.first; });
  return after != begin && c <= (after - 1)->last;
}

// Other_Lowercase and Other_Uppercase of PropList.txt.
constexpr Range kOtherCased[] = {
    {0xaa, 0xaa},       {0xba, 0xba},       {0x2b0, 0x2b8},     {0x2c0, 0x2c1},
    {0x2e0, 0x2e4},     {0x345, 0x345},     {0x37a, 0x37a},     {0x1d2c, 0x1d6a},
    {0x1d78, 0x1d78},   {0x1d9b, 0x1dbf},   {0x2071, 0x2071},   {0x207f, 0x207f},
    {0x2090, 0x209c},   {0x2160, 0x217f},   {0x24b6, 0x24e9},   {0x2c7c, 0x2c7d},
    {0xa69c, 0xa69d},   {0xa770, 0xa770},   {0xa7f8, 0xa7f9},   {0xab5c, 0xab5f},
    {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107b0}, {0x107b2, 0x107ba},
    {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189}};

// Word_Break of MidLetter, MidNumLet and Single_Quote.
constexpr char32_t kInsideWords[] = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,
                                     0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                     0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};

bool is_cased(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
      return true;
    default:
      return is_in(std::begin(kOtherCased), std::end(kOtherCased), c);
  }
}

bool is_case_ignorable(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return std::binary_search(std::begin(kInsideWords), std::end(kInsideWords), c);
  }
}

// Takes the last character off `text`.
char32_t take_last(std::string_view& text) {
  std::size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
  std::string_view last = text.substr(begin);
  text.remove_suffix(text.size() - begin);
  return text::take_code_point(last);
}

}  // namespace

bool is_final_sigma(std::string_view text, std::size_t at) {
  bool cased_before = false, cased_after = false;
  for (std::string_view before = text.substr(0, at); !before.empty();)
    if (const char32_t c = take_last(before); !is_case_ignorable(c)) {
      cased_before = is_cased(c);
      break;
    }
  std::string_view after = text.substr(at);
  text::take_code_point(after);
  while (!after.empty())
    if (const char32_t c = text::take_code_point(after); !is_case_ignorable(c)) {
      cased_after = is_cased(c);
      break;
    }
  return cased_before && !cased_after;
}

}  // namespace lehr::plugins::minhash
