#include "runtime/store/json_text.h"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
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

// The same of single bytes, for what is left of a text: copied into a register's worth of spaces it
// would have to wait for the copy, which took longer than all else.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> out{};
  for (std::size_t byte = 0; byte < out.size(); ++byte)
    out[byte] = byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\';
  return out;
}();

bool is_plain(std::string_view text) {
  Bytes bytes;
  for (; text.size() >= sizeof bytes; text.remove_prefix(sizeof bytes)) {
    std::memcpy(&bytes, text.data(), sizeof bytes);
    if (has_special(bytes)) return false;
  }
  for (const char c : text)
    if (kSpecial[static_cast<unsigned char>(c)]) return false;
  return true;
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
  if (is_plain(name) && is_plain(text))
    return append(out, {out.ends_with('{') ? "\"" : ",\"", name, "\":\"", text, "\""});
  append_name(out, name);
  append_json(out, text);
}

}  // namespace lehr::runtime
