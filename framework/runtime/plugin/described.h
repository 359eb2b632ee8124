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

// Of a port: facet -> symbol or "=constant". "$batch" has become the constant that the stage's
// parameter of this name is; without such a parameter, which then is wrong, it is left out.
inline std::map<std::string, std::string> facets(const Json& port, const Json& parameters) {
  std::map<std::string, std::string> out;
  const auto found = port.find("facets");
  if (found == port.end() || !found->is_object()) return out;
  for (const auto& [facet, bound] : found->items()) {
    if (!bound.is_string()) continue;
    const std::string& symbol = bound.get_ref<const std::string&>();
    if (!symbol.starts_with('$'))
      out[facet] = symbol;
    else if (const auto value = parameters.find(symbol.substr(1)); value != parameters.end())
      out[facet] = "=" + (value->is_string() ? value->get<std::string>() : value->dump());
  }
  return out;
}

inline bool is_set(const Json& object, const char* name, bool otherwise = false) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

}  // namespace lehr::runtime::described
