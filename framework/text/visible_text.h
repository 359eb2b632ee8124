// Text of a corpus or of a model shown on a terminal: nothing in it can move the cursor, change
// colours or turn the direction of writing; tokens are told apart by colour, or by | where there is
// none, or stand with their ids, one a line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace lehr::text {

// Control characters, direction marks and bytes that are not UTF-8 as \x1b, \u{202e}; line ends and
// tabs stay.
std::string visible(std::string_view text);

// One token on one line, in quotes, so that its spaces show: line ends and tabs as \n and \t, and
// what takes no column of its own (a combining accent, a joiner) as \u{301}.
std::string quoted_piece(std::string_view bytes);

// Columns that valid UTF-8 takes on a terminal: East Asian wide characters and emoji two, combining
// ones none. ANSI colours are not known here.
std::size_t column_width(std::string_view text);

struct TokenStyle {
  bool color = false;
  // One for each token: 1 where it is trained on. Empty: not about training.
  std::span<const std::uint8_t> trained;
};

// Without colour trained tokens stand between « and ».
std::string visible_tokens(const Tokenizer& tokenizer, std::span<const TokenId> ids,
                           const TokenStyle& style);

// One token a line: its id, its quoted_piece() and, where it is trained on, "trained".
std::string token_lines(const Tokenizer& tokenizer, std::span<const TokenId> ids,
                        const TokenStyle& style);

}  // namespace lehr::text
