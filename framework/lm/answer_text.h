// The text of tokens that a model drew. Its head may have more rows than its tokenizer has ids
// (imported models' are padded); such a token has no text.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "text/tokenizer.h"

namespace lehr::lm {

std::string answer_text(const text::Tokenizer& tokenizer, std::span<const int32_t> tokens,
                        bool skip_special = false);

}  // namespace lehr::lm
