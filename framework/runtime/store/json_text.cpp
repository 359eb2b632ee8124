#include "runtime/store/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace lehr::runtime {

void append_json(std::string& out, std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  });
  if (plain)  // by far the most
    out.append("\"").append(text).append("\"");
  else
    out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
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
  append_name(out, name);
  append_json(out, text);
}

}  // namespace lehr::runtime
