// Where text stops being UTF-8, and where it may be cut.
#pragma once

#include <string_view>

namespace lehr::runtime {

// Bytes of the character that begins at `at`; 0 if there is no valid one (overlong forms,
// surrogates and what is beyond U+10FFFF are not valid).
std::size_t utf8_length(std::string_view text, std::size_t at);
// The beginning of UTF-8 text, at most so many bytes, that ends with a whole character.
std::string_view utf8_beginning(std::string_view text, std::size_t most_bytes);

}  // namespace lehr::runtime
