#include "runtime/store/named_results.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/store/json_text.h"

namespace lehr::runtime {

NamedResults::NamedResults(std::initializer_list<value_type> items) {
  for (const auto& [name, result] : items) (*this)[name] = result;
}

NamedResult& NamedResults::operator[](std::string_view name) {
  if (const auto place = places_.find(name); place != places_.end())
    return items_[place->second].second;
  items_.emplace_back(name, NamedResult());
  try {
    places_.emplace(name, items_.size() - 1);
  } catch (...) {  // memory
    items_.pop_back();
    throw;
  }
  return items_.back().second;
}

NamedResults::const_iterator NamedResults::find(std::string_view name) const {
  const auto place = places_.find(name);
  return place == places_.end() ? end() : begin() + static_cast<std::ptrdiff_t>(place->second);
}

void append_json(std::string& out, const NamedResults& results) {
  out += '{';
  for (const auto& [name, result] : results) {
    append_name(out, name);
    append_json(out += "{\"value\":", result.value);
    if (std::isinf(result.value)) append_member(out, "text", result.value > 0 ? "inf" : "-inf");
    out += result.is_volatile ? ",\"volatile\":true}" : "}";
  }
  out += '}';
}

nlohmann::ordered_json to_json(const NamedResults& results) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const auto& [name, result] : results) {
    nlohmann::ordered_json& item = out[name] = {{"value", result.value}};
    if (std::isinf(result.value)) item["text"] = result.value > 0 ? "inf" : "-inf";
    if (result.is_volatile) item["volatile"] = true;
  }
  return out;
}

double not_finite(std::string_view text) {
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace lehr::runtime
