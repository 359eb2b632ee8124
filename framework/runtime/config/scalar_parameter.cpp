#include "runtime/config/scalar_parameter.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "runtime/config/suggestion.h"
#include "runtime/plugin/described.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;
using described::member;

std::string shown(double value) {
  char buffer[40];
  const bool whole = std::abs(value) < 1e15 && value == std::floor(value);
  const auto end =
      whole ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(value)).ptr
            : std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

Read<Json> in_range(Json value, const Node& node, const Json& parameter) {
  const double number = value.get<double>();
  const auto low = parameter.find("min"), high = parameter.find("max");
  const bool has_low = low != parameter.end() && low->is_number(),
             has_high = high != parameter.end() && high->is_number();
  if (!(has_low && number < low->get<double>()) && !(has_high && number > high->get<double>())) {
    if (value.is_number_float() && number == 0) value = 0.0;  // -0.0 is the same
    return value;
  }
  const std::string unit = member(parameter, "unit").empty() ? "" : " " + member(parameter, "unit");
  const std::string range = has_low && has_high ? "between " + shown(low->get<double>()) + " and " +
                                                      shown(high->get<double>())
                            : has_low ? "at least " + shown(low->get<double>())
                                      : "at most " + shown(high->get<double>());
  return Read<Json>::failed(" must be " + range + unit + ", got " + node.text);
}

template <class T>
Read<Json> number(const Read<T>& read, const Node& node, const Json& parameter) {
  if (!read) return Read<Json>::failed(": " + read.reason());
  return in_range(*read, node, parameter);
}

Read<Json> text(const Node& node) {
  const std::string means = node.plain && !node.computed ? mistakable_for(node.text) : "";
  // A number or bool that is written elsewhere is meant there as such, and here as its text.
  const bool elsewhere = node.definition.source != nullptr;
  if (means.empty() || (elsewhere && (read_float(node.text) || read_bool(node.text))))
    return Json(node.text);
  return Read<Json>::failed(" expects text, but '" + node.text + "' means " + means +
                            " to some YAML readers. Put it in quotes: \"" + node.text + "\"");
}

Read<Json> choice(const Node& node, const Json& parameter) {
  std::vector<std::string> choices;
  if (const auto given = parameter.find("choices"); given != parameter.end() && given->is_array())
    for (const Json& c : *given) choices.push_back(c.get<std::string>());
  for (const std::string& c : choices)
    if (c == node.text) return Json(c);
  return Read<Json>::failed(" cannot be '" + node.text + "'." + suggestion(node.text, choices, 30));
}

}  // namespace

std::string expected_text(const Json& parameter) {
  const std::string& type = member(parameter, "type");
  if (type == "bool") return "true or false";
  if (type == "int") return "a whole number";
  if (type == "float") return "a number";
  if (type == "count") return "a count such as 4096, 64k, 6M or 1.5B";
  if (type == "bytes") return "a size such as 4096, 64MiB or 1GB";
  if (type == "duration") return "a duration such as 90s, 30m or 1h30m";
  if (type == "string") return "text";
  if (type == "input_path") return "a path";
  if (type == "enum") return "one of its choices";
  if (type == "struct" || type == "one_of" || type == "map") return "a map";
  return "a list";
}

Read<Json> read_scalar(const Node& node, const Json& parameter) {
  const std::string& type = member(parameter, "type");
  if (type == "enum") return choice(node, parameter);
  if (type == "string" || type == "input_path") return text(node);
  if (!node.plain && !node.computed)
    return Read<Json>::failed(" expects " + expected_text(parameter) + ", got the text \"" +
                              node.text + "\". Remove the quotes");
  if (type == "bool") {
    const Read<bool> read = read_bool(node.text);
    return read ? Read<Json>(*read) : Read<Json>::failed(": " + read.reason());
  }
  if (type == "int") return number(read_int(node.text), node, parameter);
  if (type == "count") return number(read_count(node.text), node, parameter);
  if (type == "bytes") return number(read_bytes(node.text), node, parameter);
  if (type == "float") return number(read_float(node.text), node, parameter);
  if (type == "duration") return number(read_duration(node.text), node, parameter);
  return Read<Json>::failed(" has the type '" + type +
                            "', which this program does not know. The plugin is newer");
}

}  // namespace lehr::runtime
