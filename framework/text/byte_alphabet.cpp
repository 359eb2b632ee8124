#include "text/byte_alphabet.h"

namespace lehr::text {
namespace {

constexpr std::array<std::uint16_t, 256> make_characters() {
  std::array<std::uint16_t, 256> characters{};
  std::uint16_t next = 256;
  for (int b = 0; b < 256; ++b) {
    const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    characters[static_cast<std::size_t>(b)] = printable ? static_cast<std::uint16_t>(b) : next++;
  }
  return characters;
}
constexpr auto kCharacters = make_characters();

constexpr std::array<std::int16_t, 0x144> make_bytes() {
  std::array<std::int16_t, 0x144> bytes{};
  for (auto& b : bytes) b = -1;
  for (std::size_t b = 0; b < 256; ++b) bytes[kCharacters[b]] = static_cast<std::int16_t>(b);
  return bytes;
}
constexpr auto kBytes = make_bytes();

}  // namespace

const std::array<std::uint16_t, 256>& byte_characters() { return kCharacters; }

std::string to_byte_level(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const std::uint16_t code = kCharacters[static_cast<unsigned char>(c)];
    if (code < 128) {
      out += static_cast<char>(code);
    } else {
      out += static_cast<char>(0xC0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  return out;
}

std::optional<std::string> from_byte_level(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = static_cast<unsigned char>(text[i]);
    if (code >= 128) {
      if (code < 0xC2 || code > 0xDF || i + 1 == text.size()) return std::nullopt;
      code = ((code & 0x1F) << 6) | (static_cast<unsigned char>(text[++i]) & 0x3F);
    }
    if (code >= kBytes.size() || kBytes[code] < 0) return std::nullopt;
    out += static_cast<char>(kBytes[code]);
  }
  return out;
}

}  // namespace lehr::text
