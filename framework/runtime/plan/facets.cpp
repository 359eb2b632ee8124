// Facet symbols, unified by producing port. A stage's ports bind symbols (`model{tokenizer: T}`):
// all inputs that bind T must carry one value, and outputs that bind T carry it on. A value is "the
// artifact made by port P", a constant, or not known (an imported model), which fits anything once
// and is then fixed.
#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "runtime/plan/draft.h"
#include "runtime/plugin/described.h"

namespace lehr::runtime {
namespace {

using described::member;

struct Value {
  bool constant;     // else the artifact of a port
  std::string text;  // "base", "tokenizer.tokenizer"
  Origin origin;     // of the stage that makes it
  const Draft* maker = nullptr;
  bool operator==(const Value& o) const { return constant == o.constant && text == o.text; }
};

class Terms {
 public:
  std::size_t fresh(std::optional<Value> value = std::nullopt) {
    parent_.push_back(parent_.size());
    values_.push_back(std::move(value));
    return parent_.size() - 1;
  }
  std::size_t root(std::size_t term) {
    while (parent_[term] != term) term = parent_[term] = parent_[parent_[term]];
    return term;
  }
  const std::optional<Value>& value(std::size_t term) { return values_[root(term)]; }
  // False: both are known and differ.
  bool unify(std::size_t a, std::size_t b) {
    a = root(a), b = root(b);
    if (a == b) return true;
    if (values_[a] && values_[b] && !(*values_[a] == *values_[b])) return false;
    if (!values_[a]) std::swap(a, b);
    parent_[b] = a;
    return true;
  }

 private:
  std::vector<std::size_t> parent_;
  std::vector<std::optional<Value>> values_;
};

// The first input that bound a symbol in a stage.
struct Binding {
  std::size_t term;
  std::size_t input;
};

class FacetChecker {
 public:
  FacetChecker(const std::vector<Draft>& drafts, Diagnostics& diagnostics)
      : drafts_(drafts), diagnostics_(diagnostics), outputs_(drafts.size()) {}

  void stage(std::size_t index) {
    const Draft& draft = drafts_[index];
    std::map<std::string, Binding> bound;
    for (std::size_t i = 0; i < draft.inputs.size(); ++i)
      bind_port(draft, bound, i, draft.stage.inputs[i].self, draft.stage.inputs[i].facets);
    if (!draft.described) return;
    for (const auto& port : (*draft.described)["inputs"])
      if (const auto other = stand_in(draft, port))
        bind_port(draft, bound, *other, member(port, "self"),
                  described::facets(port, draft.stage.parameters));
    for (const PlannedOutput& output : draft.stage.outputs) {
      if (output.self.empty()) continue;
      if (!bound.contains(output.self))
        bound[output.self] = {terms_.fresh(Value{false, draft.stage.id + "." + output.port,
                                                 draft.config->origin, &draft}),
                              0};
      outputs_[index][output.port][""] = bound[output.self].term;
    }
    for (const PlannedOutput& output : draft.stage.outputs)
      for (const auto& [facet, symbol] : output.facets) {
        if (symbol.starts_with('=')) {
          outputs_[index][output.port][facet] =
              terms_.fresh(Value{true, symbol.substr(1), draft.config->origin});
        } else {
          if (!bound.contains(symbol)) bound[symbol] = {terms_.fresh(), 0};
          outputs_[index][output.port][facet] = bound[symbol].term;
        }
      }
  }

 private:
  // The input whose artifact stands for that of a port which is not connected.
  static std::optional<std::size_t> stand_in(const Draft& draft,
                                             const nlohmann::ordered_json& port) {
    const std::string &name = member(port, "name"), &otherwise = member(port, "otherwise");
    std::optional<std::size_t> out;
    for (std::size_t i = 0; i < draft.inputs.size(); ++i) {
      if (draft.stage.inputs[i].port == name) return {};
      if (draft.stage.inputs[i].port == otherwise) out = i;
    }
    return out;
  }

  void bind_port(const Draft& draft, std::map<std::string, Binding>& bound, std::size_t index,
                 const std::string& self, const std::map<std::string, std::string>& facets) {
    const PlannedInput& input = draft.stage.inputs[index];
    const std::size_t producer = draft.inputs[index].producer;
    if (!self.empty()) bind(draft, bound, index, "", self, itself(producer, input));
    for (const auto& [facet, symbol] : facets) {
      const auto [term, fresh] = outputs_[producer][input.from_port].try_emplace(facet, 0);
      if (fresh) term->second = terms_.fresh();
      bind(draft, bound, index, facet, symbol, term->second);
    }
  }

  // What an artifact is as a value: what its port says, which may be that of one of its stage's
  // inputs, else itself.
  std::size_t itself(std::size_t producer, const PlannedInput& input) {
    auto& known = outputs_[producer][input.from_port];
    const auto [term, fresh] = known.try_emplace("", 0);
    if (fresh)
      term->second = terms_.fresh(
          Value{false, input.from_stage + "." + input.from_port, drafts_[producer].config->origin});
    return term->second;
  }

  void bind(const Draft& draft, std::map<std::string, Binding>& bound, std::size_t input,
            const std::string& facet, const std::string& symbol, std::size_t term) {
    if (symbol.starts_with('=')) {
      const Value wanted{true, symbol.substr(1), {}};
      const auto& value = terms_.value(term);
      if (value && !(*value == wanted)) wrong_constant(draft, input, facet, wanted.text, *value);
      return;
    }
    const auto [first, fresh] = bound.try_emplace(symbol, Binding{term, input});
    if (fresh || terms_.unify(first->second.term, term)) return;
    disagree(draft, first->second.input, *terms_.value(first->second.term), input, facet,
             *terms_.value(term));
  }

  void disagree(const Draft& draft, std::size_t first, const Value& expected, std::size_t second,
                const std::string& facet, const Value& found) {
    const PlannedInput &a = draft.stage.inputs[first], &b = draft.stage.inputs[second];
    const std::string what = facet.empty() ? b.type : facet;
    auto& error = diagnostics_.error(
        draft.inputs[second].origin,
        "stage '" + draft.config->base + "': inputs '" + a.port + "' and '" + b.port +
            "' must go with the same " + what + ", but '" + a.from_stage + "' goes with '" +
            expected.text + "' and '" + b.from_stage + "' with '" + found.text + "'");
    error.notes.push_back({draft.inputs[first].origin, "'" + a.port + "' is given here"});
    const std::string out = way_out(found, expected);
    if (expected.origin.source)
      error.notes.push_back({expected.origin, "'" + expected.text + "' is made here" +
                                                  (out.empty() ? way_out(expected, found) : "")});
    if (found.origin.source)
      error.notes.push_back({found.origin, "'" + found.text + "' is made here" + out});
  }
  // A stage that can be given what it makes (an import, the tokenizer of another) could be.
  static std::string way_out(const Value& made, const Value& other) {
    if (!made.maker || !made.maker->described || !other.maker) return "";
    for (const auto& port : (*made.maker->described)["inputs"]) {
      const std::string name = port.value("name", "");
      const auto& inputs = made.maker->stage.inputs;
      const bool given = std::any_of(inputs.begin(), inputs.end(),
                                     [&](const PlannedInput& in) { return in.port == name; });
      if (port.value("optional", false) && port.contains("self") && !given)
        return ". If they are alike: in: {" + name + ": " + other.text + "}";
    }
    return "";
  }
  void wrong_constant(const Draft& draft, std::size_t input, const std::string& facet,
                      const std::string& wanted, const Value& found) {
    const PlannedInput& in = draft.stage.inputs[input];
    diagnostics_
        .error(draft.inputs[input].origin, "stage '" + draft.config->base + "': input '" + in.port +
                                               "' takes what has " + facet + " '" + wanted +
                                               "', but that of '" + in.from_stage + "." +
                                               in.from_port + "' is '" + found.text + "'")
        .notes.push_back({found.origin, "it is made here"});
  }

  const std::vector<Draft>& drafts_;
  Diagnostics& diagnostics_;
  Terms terms_;
  // Of each stage: output port -> facet, "" for the artifact itself -> term.
  std::vector<std::map<std::string, std::map<std::string, std::size_t>>> outputs_;
};

}  // namespace

void check_facets(const std::vector<Draft>& drafts, const std::vector<std::size_t>& order,
                  Diagnostics& diagnostics) {
  FacetChecker checker(drafts, diagnostics);
  for (const std::size_t index : order) checker.stage(index);
}

}  // namespace lehr::runtime
