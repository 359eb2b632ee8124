#include "runtime/config/pipeline_schema.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "runtime/plugin/described.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;
using described::list;
using described::member;

constexpr const char* kReference = "\\$\\{.+\\}";  // ${vars.width} may stand for any value

// What an editor shows for a parameter: its help, then how it is written, its range and default.
std::string parameter_help(const Json& p) {
  static const std::map<std::string, const char*> kinds = {
      {"bool", "true or false"},
      {"int", "a whole number"},
      {"float", "a number"},
      {"count", "a count such as 4096, 64k or 6M"},
      {"string", "text"},
      {"bytes", "a size such as 64MiB or 1GB (64: bytes)"},
      {"duration", "a duration such as 90s or 30m (90: seconds)"},
      {"list", "a list"},
      {"input_path", "a path or glob"},
      {"struct", "a map"},
      {"map", "a map with names of your choice"},
      {"one_of", "a map with one of its members"},
      {"steps", "a list of steps"},
      {"rewards", "a list of rewards"},
      {"enum", "one of a few names"}};
  const auto kind = kinds.find(member(p, "type"));
  std::string facts = kind == kinds.end() ? "" : kind->second;
  const auto add = [&facts](const std::string& fact) {
    facts += (facts.empty() ? "" : ", ") + fact;
  };
  const auto bound = [](const Json& value) {
    const double number = value.get<double>();
    const bool whole = std::abs(number) < 1e15 && number == std::floor(number);
    return whole ? std::to_string(static_cast<std::int64_t>(number)) : value.dump();
  };
  const bool low = p.contains("min") && p["min"].is_number(),
             high = p.contains("max") && p["max"].is_number();
  if (low && high)
    add("from " + bound(p["min"]) + " to " + bound(p["max"]));
  else if (low)
    add("at least " + bound(p["min"]));
  else if (high)
    add("at most " + bound(p["max"]));
  if (!member(p, "unit").empty()) add("in " + member(p, "unit"));
  if (p.value("required", false))
    add("required");
  else if (p.contains("default") && member(p, "type") != "struct")
    add(p["default"].is_null() ? "may be left out" : "default " + p["default"].dump());
  const std::string help = member(p, "help");
  return help.empty() ? facts : help + "\n\n" + facts;
}

constexpr const char* kBytesPattern = "^[0-9]+(\\.[0-9]+)? ?(B|[kKMGT]B|[KMGT]iB)$";
constexpr const char* kDurationPattern =
    "^([0-9]+(\\.[0-9]+)? ?(ms|s|m|min|h|d) ?)*[0-9]+(\\.[0-9]+)? ?(ms|s|m|min|h|d)$";

Json reference(const char* name) { return {{"$ref", std::string("#/definitions/") + name}}; }

class SchemaWriter {
 public:
  explicit SchemaWriter(const PluginRegistry& registry) : registry_(registry) {}

  Json write() const {
    Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                   {"title", "Lehr pipeline"},
                   {"type", "object"},
                   {"required", {"lehr"}},
                   {"additionalProperties", false}};
    // What a file that extends another leaves out, the other may have.
    const Json whole_stages = {{"additionalProperties", {{"required", {"uses"}}}}};
    schema["if"] = {{"required", {"extends"}}};
    schema["else"] = {{"required", {"stages"}}, {"properties", {{"stages", whole_stages}}}};
    schema["properties"] = {
        {"lehr", {{"const", 1}, {"description", "format of the file"}}},
        {"name", written({text("^[A-Za-z_][A-Za-z0-9_-]*$")},
                         {{"description", "default: the file's name"}})},
        {"seed",
         written({whole(0)}, {{"default", 0}, {"description", "of all stages that use chance"}})},
        {"extends",
         {{"type", "string"},
          {"description",
           "another pipeline file, or one that comes with Lehr, as recipes/c4.yaml: maps are "
           "merged, all else is replaced"}}},
        {"vars", {{"type", "object"}, {"description", "values for ${vars.NAME}"}}},
        {"resources", reference("resources")},
        {"stages",
         {{"type", "object"},
          {"minProperties", 1},
          {"propertyNames", {{"pattern", "^[A-Za-z_][A-Za-z0-9_-]*$"}}},
          {"additionalProperties", reference("stage")}}},
        {"outputs",
         {{"type", "object"},
          {"additionalProperties",
           {{"anyOf",
             {Json{{"type", "string"}},
              Json{{"type", "object"},
                   {"additionalProperties", false},
                   {"required", {"from"}},
                   {"properties",
                    {{"from", {{"type", "string"}}},
                     {"to", {{"type", "string"}, {"description", "default: outputs/NAME"}}},
                     {"mode", {{"enum", {"copy", "link"}}, {"default", "copy"}}}}}}}}}},
          {"description",
           "what a run puts beside the pipeline when it ends: name -> STAGE or STAGE.OUTPUT"}}}};
    schema["definitions"] = {{"resources", resources()}, {"stage", stage()}};
    return schema;
  }

 private:
  static Json resources() {
    return {{"type", "object"},
            {"additionalProperties", false},
            {"properties",
             {{"threads", written({whole(1)}, {{"default", 2}})},
              {"memory",
               written({whole(1 << 20), text(kBytesPattern)},
                       {{"description",
                         "a size such as 16GiB: promised, not enforced; what runs at one time "
                         "stays within it"}})},
              {"gpu", written({whole(0)}, {{"description",
                                            "how many; a stage gets its own in "
                                            "CUDA_VISIBLE_DEVICES"}})},
              {"device", written({Json{{"enum", {"cpu", "cuda", "auto"}}}},
                                 {{"default", "cpu"},
                                  {"description",
                                   "where stages that compute on a device do; auto: on a GPU where "
                                   "there is one and the stage can, else cpu"}})}}}};
  }
  static Json whole(int least) { return {{"type", "integer"}, {"minimum", least}}; }
  static Json comparison() { return written({text("^(>=|<=|==|!=|>|<) *[-+.0-9eE]+$")}); }
  static Json duration() {
    return written({Json{{"type", "number"}, {"minimum", 0}}, text(kDurationPattern)});
  }
  // A value that is written in one of these forms, or as a reference; `more` is said of all. (A
  // vector, as one value in braces is a list to one compiler, and to another that value.)
  static Json written(std::vector<Json> forms, const Json& more = Json::object()) {
    forms.push_back(text(kReference));
    Json out = merged(Json(std::move(forms)));
    out.update(more);
    return out;
  }

  Json stage() const {
    Json out = {{"type", "object"}, {"additionalProperties", false}};
    const std::vector<std::string> names = registry_.stage_names();
    out["properties"] = {
        {"uses", {{"anyOf", uses(names)}, {"description", "PLUGIN or PLUGIN.STAGE"}}},
        {"in", {{"type", "object"}}},
        {"out",
         {{"type", "object"},
          {"description",
           "outputs of a stage that leaves them to the pipeline: name -> artifact type"}}},
        {"with", {{"type", "object"}}},
        {"require",
         {{"type", "object"},
          {"description", "gates: nothing new is started once a result does not compare as said"},
          {"additionalProperties", comparison()}}},
        {"matrix",
         {{"type", "object"},
          {"description", "a variant of the stage for each combination of values"},
          {"minProperties", 1},
          {"additionalProperties", written({Json{{"type", "array"}, {"minItems", 1}}})}}},
        {"when",
         {{"anyOf",
           {Json{{"type", "boolean"}}, Json{{"type", "string"}},
            Json{{"type", "object"}, {"additionalProperties", comparison()}}}},
          {"description",
           "the stage is wanted only if this holds: \"${vars.size} >= 3\", or {\"STAGE:RESULT\": "
           "\">= 0.8\"}"}}},
        {"retries", written({Json{{"type", "integer"}, {"minimum", 0}, {"maximum", 100}}},
                            {{"default", 0},
                             {"description",
                              "attempts after one that failed, each from the last checkpoint"}})},
        {"timeout",
         {{"anyOf",
           {duration(), Json{{"type", "object"},
                             {"additionalProperties", false},
                             {"required", {"after"}},
                             {"properties", {{"after", duration()}, {"grace", duration()}}}}}},
          {"description",
           "of one attempt, which is then asked to stop and killed after a grace of 30s: a "
           "duration such as 90s or 30m (90: seconds)"}}},
        {"resources", reference("resources")}};
    out["allOf"] = Json::array();
    for (const auto& [name, plugin] : registry_.plugins())
      for (const Json& described : list(plugin.description, "stages")) {
        const std::string full = name + "." + member(described, "name");
        Json uses = Json::array();
        for (const std::string& known : names)
          if (const auto item = registry_.stage(known); item && item->full_name == full)
            uses.push_back(known);
        out["allOf"].push_back(
            {{"if", {{"properties", {{"uses", {{"enum", uses}}}}}, {"required", {"uses"}}}},
             {"then", stage_properties(described, name)}});
      }
    return out;
  }

  // Each name with what it does, so that an editor can say so; any other text for plugins that are
  // not installed here.
  Json uses(const std::vector<std::string>& names) const {
    Json out = Json::array();
    for (const std::string& name : names)
      if (const auto item = registry_.stage(name))
        out.push_back({{"const", name}, {"description", member(*item->item, "summary")}});
    out.push_back({{"type", "string"}});
    return out;
  }

  Json stage_properties(const Json& described, const std::string& home) const {
    Json properties = Json::object();
    Json inputs = {
        {"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
    Json required = Json::array();
    for (const Json& port : list(described, "inputs")) {
      Json source = {{"type", "string"}};
      if (port.value("list", false))
        source = {{"type", {"array", "string"}}, {"items", {{"type", "string"}}}};
      std::string help = member(port, "type");
      if (!member(port, "help").empty()) help += ": " + member(port, "help");
      source["description"] = help;
      if (member(port, "name") == "*") {
        source.erase("description");
        inputs["additionalProperties"] = source;
        continue;
      }
      inputs["properties"][member(port, "name")] = source;
      if (!port.value("optional", false)) required.push_back(member(port, "name"));
    }
    Json out = Json::object();
    if (!required.empty()) {
      inputs["required"] = required;
      out["required"] = {"in"};
    }
    properties["in"] = std::move(inputs);
    for (const Json& port : list(described, "outputs"))
      if (member(port, "name") == "*")
        properties["out"] = {{"additionalProperties", {{"type", "string"}}}};
    properties["with"] = map(list(described, "parameters"), home);
    for (const Json& p : list(described, "parameters"))
      if (p.value("required", false) &&
          (!out.contains("required") || out["required"].back() != "with"))
        out["required"].push_back("with");
    out["properties"] = std::move(properties);
    return out;
  }

  Json map(const Json& described, const std::string& home) const {
    Json out = {
        {"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
    Json required = Json::array();
    for (const Json& p : described) {
      out["properties"][member(p, "name")] = parameter(p, home);
      if (p.value("required", false)) required.push_back(member(p, "name"));
    }
    if (!required.empty()) out["required"] = required;
    return out;
  }

  Json parameter(const Json& p, const std::string& home) const {
    Json choices = forms(p, home);
    const bool default_is_null = p.contains("default") && p["default"].is_null();
    if ((default_is_null && !p.value("required", false)) || p.value("nullable", false))
      choices.push_back({{"type", "null"}});
    Json out = written(choices.get<std::vector<Json>>(), {{"description", parameter_help(p)}});
    const std::string type = member(p, "type");
    if (p.contains("default") && !p["default"].is_null() && type != "struct")
      out["default"] = p["default"];
    return out;
  }

  // Alternatives as one schema where they differ in type only: an editor shows each alternative of
  // an anyOf on its own. A bound is for numbers and a pattern for text, so they do not interfere.
  static Json merged(const Json& choices) {
    Json out = Json::object(), types = Json::array();
    std::string patterns;
    for (const Json& choice : choices) {
      for (const auto& [key, value] : choice.items())
        if (key != "type" && key != "pattern" && key != "minimum" && key != "maximum")
          return {{"anyOf", choices}};
      const bool text = choice["type"] == "string";
      if (text && !choice.contains("pattern")) return {{"type", any_text(choices)}};
      if (text) patterns += (patterns.empty() ? "" : "|") + choice["pattern"].get<std::string>();
      if (std::find(types.begin(), types.end(), choice["type"]) == types.end())
        types.push_back(choice["type"]);
      for (const char* bound : {"minimum", "maximum"})
        if (choice.contains(bound)) out[bound] = choice[bound];
    }
    out["type"] = types.size() == 1 ? types.front() : types;
    if (!patterns.empty()) out["pattern"] = patterns;
    return out;
  }
  // Any text will do: the types without their patterns.
  static Json any_text(const Json& choices) {
    Json types = Json::array();
    for (const Json& choice : choices)
      if (std::find(types.begin(), types.end(), choice["type"]) == types.end())
        types.push_back(choice["type"]);
    return types.size() == 1 ? types.front() : types;
  }

  static Json number(const char* type, const Json& p) {
    Json out = {{"type", type}};
    if (p.contains("min")) out["minimum"] = p["min"];
    if (p.contains("max")) out["maximum"] = p["max"];
    return out;
  }
  static Json text(const char* pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

  // The ways a value of this type may be written.
  Json forms(const Json& p, const std::string& home) const {
    const std::string type = member(p, "type");
    if (type == "bool") return Json::array({Json{{"type", "boolean"}}});
    if (type == "int") return Json::array({number("integer", p)});
    if (type == "float") return Json::array({number("number", p)});
    if (type == "count")
      return Json::array({number("integer", p), text("^[0-9]+(\\.[0-9]+)? ?(k|K|M|G|B|T)$")});
    if (type == "bytes") return Json::array({number("integer", p), text(kBytesPattern)});
    if (type == "duration") return Json::array({number("number", p), text(kDurationPattern)});
    if (type == "enum") return Json::array({Json{{"enum", list(p, "choices")}}});
    if (type == "struct") return Json::array({map(list(p, "fields"), home)});
    if (type == "one_of") {
      Json one = map(list(p, "fields"), home);
      one.erase("required");
      // Others may stand there as null: so a file does without what it inherits.
      Json alone = Json::array();
      for (const auto& [name, field] : one["properties"].items())
        alone.push_back({{"required", Json::array({name})},
                         {"properties", {{name, {{"not", {{"type", "null"}}}}}}}});
      one["oneOf"] = std::move(alone);
      return Json::array({one});
    }
    if (type == "list") return Json::array({Json{{"type", "array"}, {"items", item(p, home)}}});
    if (type == "map")
      return Json::array({Json{{"type", "object"}, {"additionalProperties", item(p, home)}}});
    if (type == "steps" || type == "rewards")
      return Json::array({Json{{"type", "array"}, {"items", {{"anyOf", items(type, home)}}}}});
    return Json::array({Json{{"type", "string"}}});
  }

  Json item(const Json& p, const std::string& home) const {
    Json element = p.contains("item") ? p["item"] : Json::object();
    for (const char* bound : {"min", "max"})
      if (p.contains(bound) && !element.contains(bound)) element[bound] = p[bound];
    element.erase("default");
    return parameter(element, home);
  }

  // `- name` or `- name: {parameters}` for every step or reward that is installed.
  Json items(const std::string& type, const std::string& home) const {
    const bool rewards = type == "rewards";
    Json out = Json::array(), maps = Json::object();
    for (const std::string& name :
         rewards ? registry_.reward_names(home) : registry_.step_names(home)) {
      const auto found = rewards ? registry_.reward(name, home) : registry_.step(name, home);
      if (!found) continue;
      out.push_back({{"const", name}, {"description", member(*found->item, "summary")}});
      Json with = map(list(*found->item, "parameters"), home);
      if (rewards) with["properties"]["weight"] = {{"type", "number"}, {"default", 1.0}};
      with["type"] = {"object", "null"};
      with["description"] = member(*found->item, "summary");
      maps[name] = std::move(with);
    }
    out.push_back({{"type", "object"},
                   {"minProperties", 1},
                   {"maxProperties", 1},
                   {"additionalProperties", false},
                   {"properties", maps}});
    return out;
  }

  const PluginRegistry& registry_;
};

}  // namespace

nlohmann::ordered_json pipeline_schema(const PluginRegistry& registry) {
  return SchemaWriter(registry).write();
}

}  // namespace lehr::runtime
