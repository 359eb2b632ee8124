// Text of a corpus shown on a terminal: nothing in it can move the cursor, change colours or turn
// the direction of writing; tokens are told apart by colour, or by | where there is none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace lehr::data {

// Control characters, direction marks and bytes that are not UTF-8 as \x1b, \u{202e}; line ends and
// tabs stay.
std::string visible(std::string_view text);

struct TokenStyle {
  bool color = false;
  // One for each token: 1 where it is trained on. Empty: not about training.
  std::span<const std::uint8_t> trained;
};

// Without colour trained tokens stand between « and ».
std::string visible_tokens(const text::Tokenizer& tokenizer, std::span<const text::TokenId> ids,
                           const TokenStyle& style);

}  // namespace lehr::data
