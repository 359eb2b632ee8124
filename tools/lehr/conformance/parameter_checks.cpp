// Every parameter at its limits, alone and together: accepted or refused with a reason, never a
// crash.
#include "conformance/kit.h"
#include "runtime/run/plugin_questions.h"

namespace lehr::conformance {
namespace {

constexpr const char* kCheck = "any parameters are taken or refused with a reason";
constexpr std::size_t kMixtures = 64;

// A leaf parameter by its path, and values at its limits.
struct Leaf {
  std::vector<std::string> path;
  std::vector<Json> values;
};

std::vector<Json> limits(const Json& p) {
  const std::string type = p.value("type", "");
  std::vector<Json> out;
  const bool optional = p.contains("default") && p["default"].is_null();
  if (optional) out.push_back(nullptr);
  const auto bound = [&](const char* name, double otherwise) {
    const auto found = p.find(name);
    return found != p.end() && found->is_number() ? found->get<double>() : otherwise;
  };
  const auto add = [&](Json value) { out.push_back(std::move(value)); };
  if (type == "bool") add(false), add(true);
  if (type == "int" || type == "count" || type == "bytes") {
    const double lowest = type == "int" ? -9.2e18 : 0;
    for (const double v : {bound("min", lowest), bound("max", 9.2e18)})
      out.push_back(static_cast<std::int64_t>(v));
  }
  if (type == "float" || type == "duration") {
    const double lowest = type == "duration" ? 0 : -1e308;
    for (const double v : {bound("min", lowest), bound("max", 1e308)}) out.push_back(v);
  }
  if (type == "string") {
    add("");
    add("\"quoted\"\n\u00e9\U0001F525");
    add(std::string(100000, 'x'));
  }
  if (type == "enum")
    for (const Json& choice : p.value("choices", Json::array())) out.push_back(choice);
  if (type == "input_path") add("/nowhere/to/be/found"), add("/");
  if (type == "list") {
    out.push_back(Json::array());
    const Json item = p.value("item", Json::object());
    if (const std::vector<Json> inner = limits(item); !inner.empty()) {
      add(Json(std::vector<Json>(1, inner.back())));
      add(Json(std::vector<Json>(1000, inner.front())));
    }
  }
  if (type == "one_of")
    for (const Json& field : p.value("fields", Json::array()))
      for (const Json& value : limits(field))
        if (!value.is_null()) {
          Json chosen = Json::object();
          chosen[field.value("name", "")] = value;
          add(std::move(chosen));
        }
  return out;
}

void collect(const Json& parameters, std::vector<std::string> path, std::vector<Leaf>& out) {
  for (const Json& p : parameters) {
    path.push_back(p.value("name", ""));
    if (p.value("type", "") == "struct")
      collect(p.value("fields", Json::array()), path, out);
    else if (std::vector<Json> values = limits(p); !values.empty())
      out.push_back({path, std::move(values)});
    path.pop_back();
  }
}

void set(Json& values, const Leaf& leaf, const Json& value) {
  Json* at = &values;
  for (const std::string& name : leaf.path) at = &(*at)[name];
  *at = value;
}

// What to try: the baseline first.
std::vector<Json> trials(const Json& baseline, const std::vector<Leaf>& leaves) {
  std::vector<Json> out = {baseline};
  for (const Leaf& leaf : leaves)
    for (const Json& value : leaf.values) {
      out.push_back(baseline);
      set(out.back(), leaf, value);
    }
  std::uint64_t random = 1;
  const auto next = [&] {
    return random = random * 6364136223846793005u + 1442695040888963407u, random >> 33;
  };
  for (std::size_t i = 0; !leaves.empty() && i < kMixtures; ++i) {
    out.push_back(baseline);
    for (const Leaf& leaf : leaves)
      if (next() % 2 == 0) set(out.back(), leaf, leaf.values[next() % leaf.values.size()]);
  }
  return out;
}

std::string shortened(const Json& parameters) {
  const std::string text = parameters.dump();
  return text.size() <= 300 ? text : text.substr(0, 300) + "...";
}

void check_item(Kit& kit, const std::string& kind, const Json& item) {
  const std::string name = title(kit, kind, item);
  std::vector<Leaf> leaves;
  collect(item.at("parameters"), {}, leaves);
  const std::vector<Json> tried = trials(chosen_parameters(kit, item), leaves);
  std::vector<runtime::PluginQuestion> questions;
  for (const Json& parameters : tried)
    questions.push_back({kit.plugin.path,
                         {{"ask", "check"},
                          {"kind", kind},
                          {"name", item.at("name")},
                          {"parameters", parameters}}});
  const auto answers = runtime::PluginHosts(kit.host, kit.patience).ask(questions);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const bool crossed = answers[i].error.find("crossed the plugin boundary") != std::string::npos;
    const bool silent = answers[i].error == "it gave no reason";
    if (answers[i].broken || crossed || silent)
      return kit.report.failed(name, kCheck,
                               answers[i].error + ", with the parameters " + shortened(tried[i]) +
                                   "\nRefuse what you cannot use in `check` (of a step or reward: "
                                   "in `create`), with a message");
    refused += !answers[i].error.empty();
  }
  kit.report.passed(name, kCheck,
                    std::to_string(answers.size()) + " sets of parameters, " +
                        std::to_string(refused) + " refused");
}

}  // namespace

void check_parameters(Kit& kit) {
  for (const char* kind : {"stages", "steps", "rewards"})
    for (const Json& item : kit.plugin.description.value(kind, Json::array()))
      check_item(kit, kind, item);
}

}  // namespace lehr::conformance
