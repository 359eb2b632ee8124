#include "text/utf8_repair.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>

namespace lehr::text {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Value of the escape \uXXXX at `at`, or -1.
int escape_at(std::string_view json, std::size_t at) {
  if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') return -1;
  int value = 0;
  for (std::size_t i = at + 2; i < at + 6; ++i) {
    const char c = json[i];
    int digit;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
      digit = (c | 0x20) - 'a' + 10;
    else
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool is_high(int unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low(int unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

}  // namespace

// Unicode 15, table 3-7.
Utf8Head utf8_head(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return {1, true};
  std::size_t size = 0;
  unsigned char low = 0x80, high = 0xbf;  // of the second byte
  if (first >= 0xc2 && first <= 0xdf) {
    size = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    size = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    size = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i < size; ++i) {
    if (i >= bytes.size() || at(i) < low || at(i) > high) return {i, false};
    low = 0x80, high = 0xbf;
  }
  return {size, true};
}

std::size_t whole_characters(std::string_view bytes) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t size = byte < 0xc0 || byte > 0xf4 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return size > back ? bytes.size() - back : bytes.size();
  }
  return bytes.size();
}

bool is_valid_utf8(std::string_view bytes) {
  return simdjson::validate_utf8(bytes.data(), bytes.size());
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 16);
  while (!bytes.empty()) {
    const Utf8Head head = utf8_head(bytes);
    out += head.valid ? bytes.substr(0, head.size) : kReplacement;
    bytes.remove_prefix(head.size);
  }
  return out;
}

std::string replace_lone_surrogates(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    if (json[i] != '\\') {
      out += json[i++];
      continue;
    }
    const int unit = escape_at(json, i);
    std::size_t size = unit < 0 ? 2 : 6;  // "\\\\" and the like are passed over whole
    if (is_high(unit) && is_low(escape_at(json, i + 6)))
      size = 12;
    else if (is_high(unit) || is_low(unit)) {
      out += "\\ufffd";
      i += size;
      continue;
    }
    out += json.substr(i, size);
    i += size;
  }
  return out;
}

}  // namespace lehr::text
