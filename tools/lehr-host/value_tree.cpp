#include "value_tree.h"

namespace lehr::host {
namespace {

lehr_value of_kind(lehr_kind kind) {
  lehr_value out{};
  out.kind = kind;
  return out;
}

lehr_value real(double number) {
  lehr_value out = of_kind(LEHR_REAL);
  out.real = number;
  return out;
}

}  // namespace

ValueTree::ValueTree(const Json& values, const Json& parameters)
    : root_(fields(values, parameters, true)) {}

lehr_value ValueTree::fields(const Json& values, const Json& parameters, bool defaults) {
  std::vector<lehr_value> items;
  std::vector<std::string> keys;
  for (const Json& parameter : parameters) {
    const std::string name = parameter.value("name", "");
    Json value;
    if (values.is_object() && values.contains(name))
      value = values[name];
    else if (defaults && parameter.contains("default"))
      value = parameter["default"];
    items.push_back(typed(value, parameter));
    keys.push_back(name);
  }
  return map(std::move(items), keys);
}

lehr_value ValueTree::typed(const Json& value, const Json& parameter) {
  const std::string type = parameter.value("type", "");
  const Json none = Json::array();
  const Json& inner = parameter.contains("fields") ? parameter["fields"] : none;
  if (type == "struct") return fields(value, inner, true);
  if (value.is_null()) return of_kind(LEHR_NULL);
  if (type == "one_of") return fields(value, inner, false);
  if ((type == "float" || type == "duration") && value.is_number())
    return real(value.get<double>());
  if (type == "list" && value.is_array() && parameter.contains("item")) {
    std::vector<lehr_value> items;
    for (const Json& element : value) items.push_back(typed(element, parameter["item"]));
    return list(std::move(items));
  }
  return plain(value);
}

lehr_value ValueTree::plain(const Json& value) {
  if (value.is_boolean()) {
    lehr_value out = of_kind(LEHR_BOOL);
    out.boolean = value.get<bool>();
    return out;
  }
  if (value.is_number_integer()) {
    lehr_value out = of_kind(LEHR_INT);
    out.integer = value.get<std::int64_t>();
    out.real = static_cast<double>(out.integer);
    return out;
  }
  if (value.is_number()) return real(value.get<double>());
  if (value.is_string()) {
    lehr_value out = of_kind(LEHR_STRING);
    out.string = keep(value.get<std::string>());
    return out;
  }
  if (value.is_array()) {
    std::vector<lehr_value> items;
    for (const Json& element : value) items.push_back(plain(element));
    return list(std::move(items));
  }
  if (value.is_object()) {
    std::vector<lehr_value> items;
    std::vector<std::string> keys;
    for (const auto& [key, element] : value.items()) {
      items.push_back(plain(element));
      keys.push_back(key);
    }
    return map(std::move(items), keys);
  }
  return of_kind(LEHR_NULL);
}

lehr_value ValueTree::list(std::vector<lehr_value> items) {
  lehr_value out = of_kind(LEHR_LIST);
  const auto& kept = items_.emplace_back(std::move(items));
  out.items = kept.data();
  out.count = kept.size();
  out.stride = sizeof(lehr_value);
  return out;
}

lehr_value ValueTree::map(std::vector<lehr_value> items, const std::vector<std::string>& keys) {
  lehr_value out = list(std::move(items));
  out.kind = LEHR_MAP;
  std::vector<lehr_str> names;
  for (const std::string& key : keys) names.push_back(keep(key));
  out.keys = keys_.emplace_back(std::move(names)).data();
  return out;
}

lehr_str ValueTree::keep(std::string text) {
  const std::string& kept = strings_.emplace_back(std::move(text));
  return {kept.data(), kept.size()};
}

}  // namespace lehr::host
