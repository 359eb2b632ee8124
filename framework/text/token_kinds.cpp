#include "text/token_kinds.h"

#include <algorithm>
#include <iterator>

#include "text/words_and_lines.h"

namespace lehr::text {
namespace {

constexpr std::string_view kNames[kTextKinds] = {
    "latin",  "greek",         "cyrillic",        "hebrew",
    "arabic", "indic",         "southeast_asian", "chinese_japanese",
    "korean", "other_letters", "digits",          "punctuation",
    "emoji",  "whitespace"};

struct Block {
  char32_t first, last;
  TextKind kind;
};
constexpr Block kBlocks[] = {
    {0x0041, 0x024F, TextKind::latin},
    {0x0250, 0x036F, TextKind::latin},  // phonetic letters, marks
    {0x0370, 0x03FF, TextKind::greek},
    {0x0400, 0x052F, TextKind::cyrillic},
    {0x0590, 0x05FF, TextKind::hebrew},
    {0x0600, 0x06FF, TextKind::arabic},
    {0x0750, 0x077F, TextKind::arabic},
    {0x0870, 0x08FF, TextKind::arabic},
    {0x0900, 0x0DFF, TextKind::indic},
    {0x0E00, 0x0EFF, TextKind::southeast_asian},
    {0x1000, 0x109F, TextKind::southeast_asian},
    {0x1100, 0x11FF, TextKind::korean},
    {0x1780, 0x17FF, TextKind::southeast_asian},
    {0x1C80, 0x1C8F, TextKind::cyrillic},
    {0x1E00, 0x1EFF, TextKind::latin},
    {0x1F00, 0x1FFF, TextKind::greek},
    {0x2C60, 0x2C7F, TextKind::latin},
    {0x2DE0, 0x2DFF, TextKind::cyrillic},
    {0x2E80, 0x2FDF, TextKind::chinese_japanese},
    {0x3005, 0x3007, TextKind::chinese_japanese},
    {0x3021, 0x312F, TextKind::chinese_japanese},
    {0x3130, 0x318F, TextKind::korean},
    {0x3190, 0x9FFF, TextKind::chinese_japanese},
    {0xA640, 0xA69F, TextKind::cyrillic},
    {0xA720, 0xA7FF, TextKind::latin},
    {0xA960, 0xA97F, TextKind::korean},
    {0xAC00, 0xD7FF, TextKind::korean},
    {0xF900, 0xFAFF, TextKind::chinese_japanese},
    {0xFB00, 0xFB06, TextKind::latin},
    {0xFB1D, 0xFB4F, TextKind::hebrew},
    {0xFB50, 0xFDFF, TextKind::arabic},
    {0xFE70, 0xFEFF, TextKind::arabic},
    {0xFF21, 0xFF5A, TextKind::latin},
    {0xFF66, 0xFF9D, TextKind::chinese_japanese},
    {0x1B000, 0x1B16F, TextKind::chinese_japanese},
    {0x20000, 0x3FFFF, TextKind::chinese_japanese},
};

// Those that are pictures for themselves, and what joins and colours them. Signs such as © are
// symbols.
bool is_emoji(char32_t c) {
  if (c == 0x200D || c == 0x20E3 || c == 0xFE0F) return true;
  if (c >= 0x1F1E6 && c <= 0x1F1FF) return true;  // flags
  if (c >= 0x1F3FB && c <= 0x1F3FF) return true;  // skin
  return c >= 0x2300 && character(c).is(Character::kPictographic);
}

// Where the character begins that holds byte `at`.
std::size_t begin_of_character(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && at - begin < 3 && is_continuation(text[begin])) --begin;
  return begin;
}

TextKind kind_at(std::string_view text, std::size_t begin, std::size_t end) {
  begin = begin_of_character(text, begin);
  while (begin < end) {
    std::string_view rest = text.substr(begin);
    const char32_t c = take_code_point(rest);
    const TextKind kind = kind_of(c < 0x110000 ? c : 0xFFFD);  // larger: not UTF-8
    if (kind != TextKind::whitespace) return kind;
    begin = text.size() - rest.size();
  }
  return TextKind::whitespace;
}

}  // namespace

TextKind kind_of(char32_t c) {
  const Character known = character(c);
  if (known.is(Character::kSpace)) return TextKind::whitespace;
  if (known.is(Character::kDigit)) return TextKind::digits;
  if (known.is(Character::kPunctuation)) return TextKind::punctuation;
  if (is_emoji(c)) return TextKind::emoji;
  const bool letter = known.is(Character::kAlphabetic);
  // Symbols are of no script; the marks of a script are.
  const bool mark = known.word_break() == WordBreak::extend;
  if (!letter && !mark) return TextKind::punctuation;
  const Block* const block =
      std::lower_bound(std::begin(kBlocks), std::end(kBlocks), c,
                       [](const Block& b, char32_t at) { return b.last < at; });
  if (block != std::end(kBlocks) && c >= block->first) return block->kind;
  return TextKind::other_letters;
}

std::string_view name_of(TextKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

void TokenKinds::add(const Tokenizer& tokenizer, std::span<const TokenId> ids,
                     std::uint64_t times) {
  text_.clear();
  ends_.clear();
  for (const TokenId id : ids) {
    if (tokenizer.is_special(id)) continue;
    text_ += tokenizer.token_bytes(id);
    ends_.push_back(text_.size());
  }
  std::size_t begin = 0;
  for (const std::size_t end : ends_) {
    const auto kind = static_cast<std::size_t>(kind_at(text_, begin, end));
    bytes_[kind] += (end - begin) * times;
    tokens_[kind] += times;
    begin = end;
  }
}

std::vector<TokenKinds::Share> TokenKinds::shares() const {
  std::vector<Share> out;
  for (std::size_t k = 0; k < kTextKinds; ++k)
    if (tokens_[k] > 0) out.push_back({static_cast<TextKind>(k), bytes_[k], tokens_[k]});
  return out;
}

}  // namespace lehr::text
