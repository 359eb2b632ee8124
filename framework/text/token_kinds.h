// How well a tokenizer compresses which kinds of text: bytes per token by script and class of
// character, told from the text itself. A token is of the kind of its first character that is no
// whitespace; one that begins within a character is of that character's kind. Scripts go by
// Unicode's blocks, so that a few characters shared by several count for the one whose block it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace lehr::text {

enum class TextKind : std::uint8_t {
  latin,
  greek,
  cyrillic,
  hebrew,
  arabic,
  indic,            // Devanagari to Sinhala
  southeast_asian,  // Thai, Lao, Burmese, Khmer, ...
  chinese_japanese,
  korean,
  other_letters,
  digits,
  punctuation,  // and symbols
  emoji,
  whitespace,
};
inline constexpr std::size_t kTextKinds = 14;

TextKind kind_of(char32_t c);
// "chinese_japanese"
std::string_view name_of(TextKind kind);

class TokenKinds {
 public:
  // The tokens of one text, which came up `times` times. Special tokens do not count.
  void add(const Tokenizer& tokenizer, std::span<const TokenId> ids, std::uint64_t times = 1);

  struct Share {
    TextKind kind;
    std::uint64_t bytes, tokens;
    double bytes_per_token() const {
      return static_cast<double>(bytes) / static_cast<double>(tokens);
    }
  };
  // Of the kinds that have any tokens, in the order of TextKind.
  std::vector<Share> shares() const;

 private:
  std::array<std::uint64_t, kTextKinds> bytes_{}, tokens_{};
  std::string text_;
  std::vector<std::size_t> ends_;
};

}  // namespace lehr::text
