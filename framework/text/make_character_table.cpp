// Writes character_table.cpp, the data of character.h, from the Unicode data of the installed ICU.
//   make_character_table > character_table.cpp
#include <unicode/uchar.h>

#include <array>
#include <cstdio>
#include <map>
#include <vector>

#include "text/character.h"

namespace {

using lehr::text::Character;
using lehr::text::WordBreak;
using lehr::text::detail::kCharacterPage;

WordBreak word_break(UChar32 c) {
  switch (u_getIntPropertyValue(c, UCHAR_WORD_BREAK)) {
    case U_WB_CR:
    case U_WB_LF:
    case U_WB_NEWLINE:
      return WordBreak::newline;
    case U_WB_EXTEND:
      return WordBreak::extend;
    case U_WB_ZWJ:
      return WordBreak::zwj;
    case U_WB_FORMAT:
      return WordBreak::format;
    case U_WB_REGIONAL_INDICATOR:
      return WordBreak::regional_indicator;
    case U_WB_KATAKANA:
      return WordBreak::katakana;
    case U_WB_HEBREW_LETTER:
      return WordBreak::hebrew_letter;
    case U_WB_ALETTER:
      return WordBreak::letter;
    case U_WB_SINGLE_QUOTE:
      return WordBreak::single_quote;
    case U_WB_DOUBLE_QUOTE:
      return WordBreak::double_quote;
    case U_WB_MIDNUMLET:
      return WordBreak::mid_num_let;
    case U_WB_MIDLETTER:
      return WordBreak::mid_letter;
    case U_WB_MIDNUM:
      return WordBreak::mid_num;
    case U_WB_NUMERIC:
      return WordBreak::numeric;
    case U_WB_EXTENDNUMLET:
      return WordBreak::extend_num_let;
    case U_WB_WSEGSPACE:
      return WordBreak::white_space;
    default:
      return WordBreak::other;
  }
}

// Python's definition: Zs, or bidirectional class WS, B or S.
bool is_space(UChar32 c) {
  const UCharDirection direction = u_charDirection(c);
  return u_charType(c) == U_SPACE_SEPARATOR || direction == U_WHITE_SPACE_NEUTRAL ||
         direction == U_BLOCK_SEPARATOR || direction == U_SEGMENT_SEPARATOR;
}

bool is_line_end(UChar32 c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool is_numeric(UChar32 c) { return u_getIntPropertyValue(c, UCHAR_NUMERIC_TYPE) != U_NT_NONE; }

std::uint16_t flags_of(UChar32 c) {
  const auto category = U_GET_GC_MASK(c);
  unsigned flags = static_cast<unsigned>(word_break(c));
  if (category & U_GC_L_MASK) flags |= Character::kAlphabetic;
  if ((category & U_GC_L_MASK) || is_numeric(c)) flags |= Character::kAlphanumeric;
  if (is_space(c)) flags |= Character::kSpace;
  if (is_line_end(c)) flags |= Character::kLineEnd;
  if (category & U_GC_P_MASK) flags |= Character::kPunctuation;
  if (u_hasBinaryProperty(c, UCHAR_S_TERM)) flags |= Character::kSentenceEnd;
  if (u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC)) flags |= Character::kPictographic;
  if (u_hasBinaryProperty(c, UCHAR_CASED)) flags |= Character::kCased;
  if (u_hasBinaryProperty(c, UCHAR_CASE_IGNORABLE)) flags |= Character::kCaseIgnorable;
  if (category & U_GC_ND_MASK) flags |= Character::kDigit;
  return static_cast<std::uint16_t>(flags);
}

}  // namespace

int main() {
  using Page = std::array<std::uint16_t, kCharacterPage>;
  std::map<Page, unsigned> known;
  std::vector<Page> pages;
  std::printf(
      "#include \"text/character.h\"\n\nnamespace lehr::text::detail {\n\n"
      "const std::uint8_t kCharacterPages[0x110000 / kCharacterPage] = {");
  for (UChar32 begin = 0; begin < 0x110000; begin += kCharacterPage) {
    Page page;
    for (unsigned i = 0; i < kCharacterPage; ++i)
      page[i] = flags_of(begin + static_cast<UChar32>(i));
    const auto [found, added] = known.emplace(page, pages.size());
    if (added) pages.push_back(page);
    std::printf("%s%u", begin == 0 ? "" : ",", found->second);
  }
  std::printf("};\n\nconst std::uint16_t kCharacterFlags[][kCharacterPage] = {\n");
  for (const Page& page : pages) {
    std::printf("{");
    for (const unsigned flags : page) std::printf("%u,", flags);
    std::printf("},\n");
  }
  std::printf("};\n\n}  // namespace lehr::text::detail\n");
  if (pages.size() <= 256) return 0;
  std::fprintf(stderr, "make_character_table: %zu pages do not fit one byte\n", pages.size());
  return 1;
}
