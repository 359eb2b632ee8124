// Text that is not quite Unicode, made valid: bytes that are not UTF-8, and JSON escapes of half a
// surrogate pair. Each is replaced by U+FFFD as Python's errors="replace" does: one for the longest
// beginning of a character that could have become valid, else one for the byte.
#pragma once

#include <string>
#include <string_view>

namespace lehr::text {

bool is_valid_utf8(std::string_view bytes);

std::string replace_invalid_utf8(std::string_view bytes);

// `json` with \ud800..\udfff escapes that are not part of a pair written as \ufffd.
std::string replace_lone_surrogates(std::string_view json);

}  // namespace lehr::text
