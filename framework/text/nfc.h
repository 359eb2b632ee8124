// Unicode normalization form C, as Hugging Face's NFC normalizer applies it.
#pragma once

#include <string>
#include <string_view>

namespace lehr::text {

// Of valid UTF-8; text that is not stays as it is.
std::string to_nfc(std::string_view text);

// True only if `text` is in form C already: all of it is in blocks where no character composes,
// decomposes or moves. A quick look that most text passes, to_nfc() being a hundred times slower.
bool is_surely_nfc(std::string_view text);

}  // namespace lehr::text
