// Members of a plugin's description (framework/sdk/description.md), most of which may be left out.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace lehr::runtime::described {

using Json = nlohmann::ordered_json;

// Empty if there is none.
inline const std::string& member(const Json& object, const char* name) {
  static const std::string none;
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get_ref<const std::string&>() : none;
}

inline const Json& list(const Json& object, const char* name) {
  static const Json none = Json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : none;
}

// Of a port: facet -> symbol or "=constant".
inline std::map<std::string, std::string> facets(const Json& port) {
  std::map<std::string, std::string> out;
  if (const auto found = port.find("facets"); found != port.end() && found->is_object())
    for (const auto& [facet, symbol] : found->items())
      if (symbol.is_string()) out[facet] = symbol.get<std::string>();
  return out;
}

inline bool is_set(const Json& object, const char* name, bool otherwise = false) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

}  // namespace lehr::runtime::described
