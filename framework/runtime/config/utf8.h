// Where text stops being UTF-8.
#pragma once

#include <string_view>

namespace lehr::runtime {

// Bytes of the character that begins at `at`; 0 if there is no valid one (overlong forms,
// surrogates and what is beyond U+10FFFF are not valid).
std::size_t utf8_length(std::string_view text, std::size_t at);

}  // namespace lehr::runtime
