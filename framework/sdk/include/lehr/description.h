// How a stage, document step or reward says what it is: summary, ports, parameters. Each parameter
// is declared once, bound to the member that will hold it; the member's initial value is the
// default:
//
//   void describe(lehr::Description& d) override {
//     d.summary("trains a tokenizer").input("documents", "documents");
//     d.output("tokenizer", "tokenizer").self("T");
//     d.count("vocab_size", vocab_size_).range(300, 1 << 20).help("tokens, special ones included");
//   }
//   std::int64_t vocab_size_ = 32000;
//
// The same function writes the description (defaults, types, ranges, help) and, when a stage
// starts, fills the members from the values the host has validated. A std::optional member may be
// given as null, which takes a default away; without one its default is null.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lehr/parameter.h"
#include "lehr/value.h"

namespace lehr {

// exact: same bytes everywhere. machine: same bytes for the same instruction set, thread count and
// libraries, and on a GPU its model. none: the first published result stands.
enum class Determinism { exact, machine, none };

class Description {
 public:
  // Without values: only describes. With values: also fills the bound members.
  explicit Description(Value values = Value(nullptr)) : values_(values) {}

  Description& summary(std::string_view text) { return summary_ = text, *this; }
  Description& determinism(Determinism d) { return determinism_ = d, *this; }
  // The stage's output depends on the pipeline's seed, which then is part of its key.
  Description& uses_seed() { return seed_ = true, *this; }
  // The stage computes where Context::device says, and can on these: "cpu", "cuda". Without this a
  // device does not matter to it.
  Description& devices(std::vector<std::string> names) {
    return devices_ = std::move(names), *this;
  }
  Port& input(std::string_view name, std::string_view type) {
    return inputs_.emplace_back(name, type);
  }
  Port& output(std::string_view name, std::string_view type) {
    return outputs_.emplace_back(name, type);
  }
  // Besides these, the pipeline may connect anything under names of its own: any number of
  // artifacts of any type.
  Port& any_inputs() { return inputs_.emplace_back("*", "*").list().optional(); }
  // Besides these, the pipeline may declare outputs: `out: {report: documents}`. See
  // Context::outputs.
  Port& any_outputs() { return outputs_.emplace_back("*", "*"); }

  // Leaves. T: the type named, or std::optional of it.
  Parameter& boolean(std::string_view name, bool& member) { return leaf(name, "bool", member); }
  template <class T>
  Parameter& integer(std::string_view name, T& member) {
    return leaf(name, "int", member);
  }
  // A number of things, written 4096, 64k, 6M, 1.5B. T: std::int64_t.
  template <class T>
  Parameter& count(std::string_view name, T& member) {
    return leaf(name, "count", member);
  }
  // Written 64MiB, 1GB. T: std::int64_t.
  template <class T>
  Parameter& bytes(std::string_view name, T& member) {
    return leaf(name, "bytes", member);
  }
  template <class T>
  Parameter& real(std::string_view name, T& member) {
    return leaf(name, "float", member);
  }
  // Written 90s, 30m, 2h. T: double, in seconds.
  template <class T>
  Parameter& duration(std::string_view name, T& member) {
    return leaf(name, "duration", member);
  }
  template <class T>
  Parameter& text(std::string_view name, T& member) {
    return leaf(name, "string", member);
  }
  template <class T>
  Parameter& choice(std::string_view name, T& member, std::initializer_list<const char*> choices) {
    Parameter& p = leaf(name, "enum", member);
    p.choices_.assign(choices.begin(), choices.end());
    return p;
  }
  // A file, folder or glob outside the store; its content is part of the stage key. The member gets
  // an absolute path.
  template <class T>
  Parameter& input_path(std::string_view name, T& member) {
    return leaf(name, "input_path", member);
  }

  // Lists of leaves: T is std::int64_t, double or std::string. type: "int", "count", "float",
  // "string", "input_path".
  template <class T>
  Parameter& list(std::string_view name, std::vector<T>& member, std::string_view type);
  // A list of maps: `fields(d, element)` declares the members of one.
  template <class T, class Fields>
  Parameter& list_of(std::string_view name, std::vector<T>& member, Fields fields);
  // A map from names of the pipeline's own choice to texts.
  Parameter& text_map(std::string_view name, std::map<std::string, std::string>& member);
  // A map with declared members: `fields(d)`.
  template <class Fields>
  Parameter& group(std::string_view name, Fields fields) {
    return nested(name, "struct", fields);
  }
  // A map of which exactly one member is given; declare the members as std::optional.
  template <class Fields>
  Parameter& one_of(std::string_view name, Fields fields) {
    return nested(name, "one_of", fields);
  }
  // Document steps, opened by number through Context::open_step. count: how many the pipeline
  // names; or names: which, as "acme.no_shouting".
  Parameter& steps(std::string_view name, std::size_t& count) {
    count = values_[name].size();
    return add(name, "steps", "[]");
  }
  Parameter& steps(std::string_view name, std::vector<std::string>& names) {
    names.clear();
    for (std::size_t i = 0; i < values_[name].size(); ++i)
      names.emplace_back(values_[name].at(i)["name"].string());
    return add(name, "steps", "[]");
  }
  // Rewards, scored by number through Context::score; weights: one for each that the pipeline
  // names.
  Parameter& rewards(std::string_view name, std::vector<double>& weights) {
    weights.clear();
    for (std::size_t i = 0; i < values_[name].size(); ++i)
      weights.push_back(values_[name].at(i)["weight"].real());
    return add(name, "rewards", "[]");
  }

  // Said by the wrapper: planning asks a plugin only for what it offers.
  void offers_check(bool does) { check_ = does; }
  void offers_check_inputs(bool does) { check_inputs_ = does; }
  void offers_estimate(bool does) { estimate_ = does; }

  // {"summary":..., "parameters":[...]} and, for a stage, its ports and promises.
  std::string json(std::string_view name, bool stage) const;

 private:
  template <class T>
  struct Inner {
    using type = T;
  };
  template <class T>
  struct Inner<std::optional<T>> {
    using type = T;
  };

  Parameter& add(std::string_view name, std::string_view type, std::string default_json) {
    Parameter& p = parameters_.emplace_back(name, type);
    p.default_ = std::move(default_json);
    return p;
  }
  template <class T>
  Parameter& leaf(std::string_view name, std::string_view type, T& member) {
    using Plain = typename Inner<T>::type;
    Parameter& p = add(name, type, as_json(member));
    p.nullable_ = !std::is_same_v<T, Plain>;
    const Value value = values_[name];
    if (value.is_null()) {
      if constexpr (!std::is_same_v<T, Plain>)
        if (!values_.is_null()) member.reset();
    } else {
      member = read<Plain>(value, name);
    }
    return p;
  }
  template <class Fields>
  Parameter& nested(std::string_view name, std::string_view type, Fields& fields) {
    Description inner(values_[name]);
    fields(inner);
    Parameter& p = add(name, type, type == "one_of" ? "null" : "{}");
    p.fields_ = inner.taken_parameters();
    return p;
  }
  std::vector<Parameter> taken_parameters() {
    return {std::make_move_iterator(parameters_.begin()),
            std::make_move_iterator(parameters_.end())};
  }
  template <class T>
  static T read(Value value, std::string_view name) {
    if constexpr (std::is_same_v<T, bool>)
      return value.boolean();
    else if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(value.real());
    else if constexpr (std::is_integral_v<T>) {
      if (!std::in_range<T>(value.integer()))
        throw Error(std::string(name) + ": " + std::to_string(value.integer()) +
                    " is more than this parameter can hold");
      return static_cast<T>(value.integer());
    } else
      return T(value.string());
  }
  template <class T>
  static std::string as_json(const T& v) {
    if constexpr (!std::is_same_v<T, typename Inner<T>::type>)
      return v ? as_json(*v) : "null";
    else if constexpr (std::is_same_v<T, bool>)
      return v ? "true" : "false";
    else if constexpr (std::is_floating_point_v<T>)
      return json_number(v);
    else if constexpr (std::is_integral_v<T>)
      return std::to_string(v);
    else
      return json_string(v);
  }

  Value values_;
  std::string summary_;
  Determinism determinism_ = Determinism::exact;
  bool seed_ = false, check_ = false, check_inputs_ = false, estimate_ = false;
  std::vector<std::string> devices_;
  std::deque<Port> inputs_, outputs_;
  std::deque<Parameter> parameters_;
};

// ---- implementation ----

inline std::string Description::json(std::string_view name, bool stage) const {
  static const char* classes[] = {"exact", "machine", "none"};
  const auto array = [](const auto& items) {
    std::string out = "[";
    for (const auto& item : items) out += (out.size() > 1 ? "," : "") + item.json();
    return out + "]";
  };
  std::string out = "{\"name\":" + json_string(name) + ",\"summary\":" + json_string(summary_);
  if (stage) {
    out += ",\"determinism\":\"" + std::string(classes[static_cast<int>(determinism_)]) + "\"";
    out += std::string(",\"seed\":") + (seed_ ? "true" : "false");
    std::string devices;
    for (const std::string& name : devices_)
      devices += (devices.empty() ? "" : ",") + json_string(name);
    if (!devices.empty()) out += ",\"devices\":[" + devices + "]";
    out += ",\"inputs\":" + array(inputs_) + ",\"outputs\":" + array(outputs_);
  }
  if (check_) out += ",\"check\":true";
  if (check_inputs_) out += ",\"check_inputs\":true";
  if (estimate_) out += ",\"estimate\":true";
  return out + ",\"parameters\":" + array(parameters_) + "}";
}

template <class T>
Parameter& Description::list(std::string_view name, std::vector<T>& member, std::string_view type) {
  std::string defaults = "[";
  for (const auto& v : member) defaults += (defaults.size() > 1 ? "," : "") + as_json(v);
  Parameter& p = add(name, "list", defaults + "]");
  p.fields_.emplace_back("", type);
  if (const Value value = values_[name]; !value.is_null()) {
    member.clear();
    for (std::size_t i = 0; i < value.size(); ++i) member.push_back(read<T>(value.at(i), name));
  }
  return p;
}

inline Parameter& Description::text_map(std::string_view name,
                                        std::map<std::string, std::string>& member) {
  std::string defaults = "{";
  for (const auto& [key, text] : member)
    defaults += (defaults.size() > 1 ? "," : "") + json_string(key) + ":" + json_string(text);
  Parameter& p = add(name, "map", defaults + "}");
  p.fields_.emplace_back("", "string");
  if (const Value value = values_[name]; !value.is_null()) {
    member.clear();
    for (std::size_t i = 0; i < value.size(); ++i)
      member[std::string(value.key(i))] = value.at(i).string();
  }
  return p;
}

template <class T, class Fields>
Parameter& Description::list_of(std::string_view name, std::vector<T>& member, Fields fields) {
  T element{};
  Description inner;
  fields(inner, element);
  Parameter& p = add(name, "list", "[]");
  p.fields_.emplace_back("", "struct").fields_ = inner.taken_parameters();
  const Value value = values_[name];
  member.clear();
  for (std::size_t i = 0; i < value.size(); ++i) {
    Description bound(value.at(i));
    fields(bound, member.emplace_back());
  }
  return p;
}

}  // namespace lehr
