#include "runtime/store/json_text.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

namespace lehr::runtime {

namespace {

// Sixteen at once, in one register of any processor.
using Bytes = signed char __attribute__((vector_size(16)));

// Any byte that does not stand in JSON as it is: what is not ASCII, control characters, quotes and
// backslashes.
bool has_special(const Bytes& bytes) {
  const Bytes special =
      (bytes < 0x20) | (bytes == 0x7f) | (bytes == '"') | (bytes == '\\');  // negative: not ASCII
  std::uint64_t halves[2];
  std::memcpy(halves, &special, sizeof halves);
  return (halves[0] | halves[1]) != 0;
}

Bytes bytes_at(const char* text) {
  Bytes bytes;
  std::memcpy(&bytes, text, sizeof bytes);
  return bytes;
}

// Eight bytes from each place. Copied into one register's worth of memory they would have to wait
// for the copies, which took longer than all else.
Bytes bytes_at(const char* first, const char* second) {
  using Halves = std::uint64_t __attribute__((vector_size(16)));
  std::uint64_t halves[2];
  std::memcpy(&halves[0], first, sizeof halves[0]);
  std::memcpy(&halves[1], second, sizeof halves[1]);
  return reinterpret_cast<Bytes>(Halves{halves[0], halves[1]});
}

// The same of single bytes.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> out{};
  for (std::size_t byte = 0; byte < out.size(); ++byte)
    out[byte] = byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\';
  return out;
}();

bool is_plain(std::string_view text) {
  constexpr std::size_t kBytes = sizeof(Bytes);
  const char *begin = text.data(), *end = begin + text.size();
  if (text.size() >= kBytes) {
    for (; end - begin > static_cast<std::ptrdiff_t>(kBytes); begin += kBytes)
      if (has_special(bytes_at(begin))) return false;
    return !has_special(bytes_at(end - kBytes));  // some of them once more
  }
  if (text.size() >= kBytes / 2) return !has_special(bytes_at(begin, end - kBytes / 2));
  return std::none_of(begin, end, [](char c) { return kSpecial[static_cast<unsigned char>(c)]; });
}

void append(std::string& out, std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) out += text;
}

}  // namespace

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text); }

void append_json(std::string& out, std::string_view text) {
  if (is_plain(text))  // by far the most
    append(out, {"\"", text, "\""});
  else
    out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_json(std::string& out, double value) {
  constexpr double kPowers = 1e15;  // from here on they are written as powers of ten
  const bool whole = std::fabs(value) < kPowers && value == std::floor(value);
  if (!whole || (value == 0 && std::signbit(value))) {
    out += nlohmann::json(value).dump();
    return;
  }
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(value));
  out.append(buffer, end.ptr) += ".0";
}

void append_dump(std::string& out, const nlohmann::ordered_json& json) {
  using Json = nlohmann::ordered_json;
  if (json.is_string()) return append_json(out, json.get_ref<const std::string&>());
  if (!json.is_structured()) {
    out += json.dump();
    return;
  }
  const char* comma = "";
  if (const auto* members = json.get_ptr<const Json::object_t*>()) {
    out += '{';
    for (const auto& [name, value] : *members) {
      append_json(out += std::exchange(comma, ","), name);
      append_dump(out += ':', value);
    }
    out += '}';
  } else {
    out += '[';
    for (const Json& item : json) append_dump(out += std::exchange(comma, ","), item);
    out += ']';
  }
}

void append_name(std::string& out, std::string_view name) {
  if (!out.ends_with('{')) out += ',';
  append_json(out, name);
  out += ':';
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (!is_plain(name) || !is_plain(text)) {
    append_name(out, name);
    return append_json(out, text);
  }
  constexpr std::string_view kBetween = "\":\"";
  const bool first = out.ends_with('{');
  const std::size_t before = out.size();
  out.resize(before + (first ? 2 : 3) + name.size() + kBetween.size() + text.size());  // at once
  char* to = out.data() + before;
  if (!first) *to++ = ',';
  *to++ = '"';
  to = std::copy(name.begin(), name.end(), to);
  to = std::copy(kBetween.begin(), kBetween.end(), to);
  to = std::copy(text.begin(), text.end(), to);
  *to = '"';
}

}  // namespace lehr::runtime
