// The ByteLevel alphabet: every byte has a printable character of its own, so that tokens can be
// written as text. Bytes 33-126, 161-172 and 174-255 stand for themselves; the other 68 are, in
// order, U+0100 and up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lehr::text {

// Code point of each byte's character; all are below U+0144.
const std::array<std::uint16_t, 256>& byte_characters();
// Bytes as ByteLevel text (UTF-8).
std::string to_byte_level(std::string_view bytes);
// ByteLevel text as bytes; nothing if a character is not in the alphabet.
std::optional<std::string> from_byte_level(std::string_view text);

}  // namespace lehr::text
