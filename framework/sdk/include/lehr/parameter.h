// A port and a parameter as a description declares them, and the JSON they become.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lehr {

class Description;

// Text as a JSON string, quotes included.
std::string json_string(std::string_view text);
// Shortest decimal that reads back as the same double; "null" for NaN and infinities, which JSON
// lacks.
std::string json_number(double value);

class Port {
 public:
  Port(std::string_view name, std::string_view type) : name_(name), type_(type) {}
  // The input takes any number of artifacts, labelled by the stage that made them.
  Port& list() { return list_ = true, *this; }
  // otherwise: the input port whose artifact stands for this one's where none is connected; facets
  // are checked accordingly.
  Port& optional(std::string_view otherwise = "") {
    optional_ = true;
    otherwise_ = otherwise;
    return *this;
  }
  // Facet `name` of the artifact is bound to `symbol` (upper case first, as "T"): ports that bind
  // the same one must agree. "=base" states a constant, "$width" the value of a parameter.
  Port& facet(std::string_view name, std::string_view symbol) {
    facets_.emplace_back(name, symbol);
    return *this;
  }
  // The artifact itself is what `symbol` stands for.
  Port& self(std::string_view symbol) { return self_ = symbol, *this; }
  Port& help(std::string_view text) { return help_ = text, *this; }
  std::string json() const;

 private:
  std::string name_, type_, otherwise_, self_, help_;
  bool list_ = false, optional_ = false;
  std::vector<std::pair<std::string, std::string>> facets_;
};

class Parameter {
 public:
  Parameter(std::string_view name, std::string_view type) : name_(name), type_(type) {}
  Parameter& help(std::string_view text) { return help_ = text, *this; }
  Parameter& unit(std::string_view unit) { return unit_ = unit, *this; }
  // Inclusive; for a list the bounds of each element.
  Parameter& range(double low, double high) { return at_least(low).at_most(high); }
  Parameter& at_least(double low) { return min_ = low, *this; }
  Parameter& at_most(double high) { return max_ = high, *this; }
  // There is no default; the pipeline must give a value.
  Parameter& required() { return required_ = true, *this; }
  // The value does not change the output (a buffer size, say) and stays out of the stage key.
  Parameter& no_effect() { return affects_output_ = false, *this; }
  // Where a value is given, the output may differ from run to run (a time limit, say), whatever the
  // stage promises else: its determinism is none.
  Parameter& breaks_determinism() { return breaks_determinism_ = true, *this; }
  // Of a text in a list: the label of something connected to the list input `port`. Planning
  // refuses a label that is not connected and, where the list names any, a connected one that it
  // does not name.
  Parameter& names_each_of(std::string_view port) { return names_each_of_ = port, *this; }
  std::string json() const;

 private:
  friend class Description;
  std::string name_, type_, help_, unit_, names_each_of_, default_ = "null";
  std::optional<double> min_, max_;
  bool required_ = false, nullable_ = false, affects_output_ = true, breaks_determinism_ = false;
  std::vector<std::string> choices_;
  // A vector, which may hold what is not complete yet (a deque may not, in libc++).
  std::vector<Parameter> fields_;  // struct, one_of: the members; list, map: the one element
};

// ---- implementation ----

inline std::string json_string(std::string_view text) {
  static const char* hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (u < 0x20)
      out += "\\u00", out += hex[u >> 4], out += hex[u & 15];
    else
      out += c;
  }
  return out += '"';
}

inline std::string json_number(double value) {
  if (!std::isfinite(value)) return "null";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  std::string out(buffer, end);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

inline std::string Port::json() const {
  std::string out = "{\"name\":" + json_string(name_) + ",\"type\":" + json_string(type_);
  if (list_) out += ",\"list\":true";
  if (optional_) out += ",\"optional\":true";
  if (!otherwise_.empty()) out += ",\"otherwise\":" + json_string(otherwise_);
  if (!self_.empty()) out += ",\"self\":" + json_string(self_);
  if (!facets_.empty()) {
    out += ",\"facets\":{";
    for (const auto& [name, symbol] : facets_)
      out += (out.back() == '{' ? "" : ",") + json_string(name) + ":" + json_string(symbol);
    out += "}";
  }
  if (!help_.empty()) out += ",\"help\":" + json_string(help_);
  return out + "}";
}

inline std::string Parameter::json() const {
  std::string out = "{\"name\":" + json_string(name_) + ",\"type\":" + json_string(type_);
  if (required_)
    out += ",\"required\":true";
  else
    out += ",\"default\":" + default_;
  if (nullable_ && !required_ && default_ != "null") out += ",\"nullable\":true";
  if (min_) out += ",\"min\":" + json_number(*min_);
  if (max_) out += ",\"max\":" + json_number(*max_);
  if (!unit_.empty()) out += ",\"unit\":" + json_string(unit_);
  if (!affects_output_) out += ",\"affects_output\":false";
  if (breaks_determinism_) out += ",\"determinism\":\"none\"";
  if (!names_each_of_.empty()) out += ",\"names_each_of\":" + json_string(names_each_of_);
  if (!choices_.empty()) {
    out += ",\"choices\":[";
    for (const auto& c : choices_) out += (out.back() == '[' ? "" : ",") + json_string(c);
    out += "]";
  }
  if (!fields_.empty()) {
    const bool one = type_ == "list" || type_ == "map";
    out += one ? ",\"item\":" : ",\"fields\":[";
    for (const auto& f : fields_) out += (&f == &fields_.front() ? "" : ",") + f.json();
    if (!one) out += "]";
  }
  if (!help_.empty()) out += ",\"help\":" + json_string(help_);
  return out + "}";
}

}  // namespace lehr
