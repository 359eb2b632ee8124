// Text that is not quite Unicode, made valid: bytes that are not UTF-8, and JSON escapes of half a
// surrogate pair. Each is replaced by U+FFFD as Python's errors="replace" does: one for the longest
// beginning of a character that could have become valid, else one for the byte.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lehr::text {

// Bytes of the character that `bytes` (not empty) begin with, and whether it is whole. If not: the
// longest beginning of a character that could have become valid, at least one byte.
struct Utf8Head {
  std::size_t size;
  bool valid;
};
Utf8Head utf8_head(std::string_view bytes);

bool is_valid_utf8(std::string_view bytes);

// How many of the bytes may be shown before more of them come: all but the beginning of a character
// at the end. For text that arrives in tokens.
std::size_t whole_characters(std::string_view bytes);

std::string replace_invalid_utf8(std::string_view bytes);

// `json` with \ud800..\udfff escapes that are not part of a pair written as \ufffd.
std::string replace_lone_surrogates(std::string_view json);

}  // namespace lehr::text
