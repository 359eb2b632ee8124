#include "text/nfc.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <utf8proc.h>

namespace lehr::text {
namespace {

// Latin up to U+02FF (ASCII apart), most of Cyrillic, punctuation and symbols, kana, CJK, Hangul,
// full-width forms: without characters that are not in form C or may change with their neighbours.
bool is_stable(std::uint32_t c) {
  if (c < 0x300) return true;
  if (c >= 0x388 && c < 0x483) return true;
  if (c >= 0x2010 && c < 0x20D0) return true;
  if (c >= 0x3001 && c < 0x302A) return true;
  if (c >= 0x3041 && c < 0x30FF) return c != 0x3099 && c != 0x309A;
  if (c >= 0x4E00 && c < 0xA000) return true;
  if (c >= 0xAC00 && c < 0xD7A4) return true;
  return c >= 0xFF01 && c < 0xFFF0;
}

}  // namespace

std::string to_nfc(std::string_view text) {
  utf8proc_uint8_t* out = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &out,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(out, &std::free);
  if (length < 0) return std::string(text);
  return {reinterpret_cast<const char*>(out), static_cast<std::size_t>(length)};
}

bool is_surely_nfc(std::string_view text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return static_cast<unsigned char>(text[i]);
  };
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t eight = 0;
    if (text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    const std::uint32_t lead = byte(at);
    std::uint32_t code = lead, length = 1;
    if (lead >= 0xE0 && lead < 0xF0 && at + 2 < text.size()) {
      code = (lead & 0xF) << 12 | (byte(at + 1) & 0x3F) << 6 | (byte(at + 2) & 0x3F);
      length = 3;
    } else if (lead >= 0xC2 && lead < 0xE0 && at + 1 < text.size()) {
      code = (lead & 0x1F) << 6 | (byte(at + 1) & 0x3F);
      length = 2;
    } else if (lead >= 0x80) {
      return false;
    }
    if (!is_stable(code)) return false;
    at += length;
  }
  return true;
}

}  // namespace lehr::text
