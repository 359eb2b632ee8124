#include "runtime/config/pipeline_schema.h"

#include <algorithm>
#include <utility>

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

std::string member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& list(const Json& object, const char* name) {
  static const Json none = Json::array();
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : none;
}

Json reference(const char* name) { return {{"$ref", std::string("#/definitions/") + name}}; }

class SchemaWriter {
 public:
  explicit SchemaWriter(const PluginRegistry& registry) : registry_(registry) {}

  Json write() const {
    Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                   {"title", "Lehr pipeline"},
                   {"type", "object"},
                   {"required", {"lehr", "stages"}},
                   {"additionalProperties", false}};
    schema["properties"] = {
        {"lehr", {{"const", 1}, {"description", "format of the file"}}},
        {"name",
         {{"type", "string"},
          {"pattern", "^[A-Za-z_][A-Za-z0-9_-]*$"},
          {"description", "default: the file's name"}}},
        {"seed",
         {{"type", "integer"},
          {"minimum", 0},
          {"default", 0},
          {"description", "of all stages that use chance"}}},
        {"extends",
         {{"type", "string"},
          {"description", "another pipeline file: maps are merged, all else is replaced"}}},
        {"vars", {{"type", "object"}, {"description", "values for ${vars.NAME}"}}},
        {"resources", reference("resources")},
        {"stages",
         {{"type", "object"},
          {"minProperties", 1},
          {"propertyNames", {{"pattern", "^[A-Za-z_][A-Za-z0-9_-]*$"}}},
          {"additionalProperties", reference("stage")}}},
        {"outputs",
         {{"type", "object"},
          {"additionalProperties", {{"type", "string"}}},
          {"description", "what the pipeline hands out: name -> STAGE or STAGE.OUTPUT"}}}};
    schema["definitions"] = {{"reference", {{"type", "string"}, {"pattern", "\\$\\{.+\\}"}}},
                             {"resources", resources()},
                             {"stage", stage()}};
    return schema;
  }

 private:
  static Json resources() {
    return {{"type", "object"},
            {"additionalProperties", false},
            {"properties",
             {{"threads", {{"type", "integer"}, {"minimum", 1}, {"default", 2}}},
              {"device", {{"enum", {"cpu", "cuda"}}, {"default", "cpu"}}}}}};
  }

  Json stage() const {
    Json out = {{"type", "object"}, {"required", {"uses"}}, {"additionalProperties", false}};
    const std::vector<std::string> names = registry_.stage_names();
    out["properties"] = {
        {"uses",
         {{"anyOf", {Json{{"enum", names}}, Json{{"type", "string"}}}},
          {"description", "PLUGIN or PLUGIN.STAGE"}}},
        {"in", {{"type", "object"}}},
        {"with", {{"type", "object"}}},
        {"require",
         {{"type", "object"},
          {"description", "gates: the run stops here if a result does not compare as said"},
          {"additionalProperties",
           {{"type", "string"}, {"pattern", "^(>=|<=|==|!=|>|<) *[-+.0-9eE]+$"}}}}},
        {"matrix",
         {{"type", "object"},
          {"description", "a variant of the stage for each combination of values"},
          {"minProperties", 1},
          {"additionalProperties", {{"type", "array"}, {"minItems", 1}}}}},
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

  Json stage_properties(const Json& described, const std::string& home) const {
    Json properties = {{"uses", {{"description", member(described, "summary")}}}};
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
      inputs["properties"][member(port, "name")] = source;
      if (!port.value("optional", false)) required.push_back(member(port, "name"));
    }
    Json out = Json::object();
    if (!required.empty()) {
      inputs["required"] = required;
      out["required"] = {"in"};
    }
    properties["in"] = std::move(inputs);
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
    if (p.contains("default") && p["default"].is_null() && !p.value("required", false))
      choices.push_back({{"type", "null"}});
    choices.push_back(reference("reference"));
    Json out = {{"anyOf", choices}};
    std::string help = member(p, "help");
    if (!member(p, "unit").empty())
      help += (help.empty() ? "" : " ") + ("[" + member(p, "unit") + "]");
    if (!help.empty()) out["description"] = help;
    const std::string type = member(p, "type");
    if (p.contains("default") && !p["default"].is_null() && type != "struct")
      out["default"] = p["default"];
    return out;
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
    if (type == "bytes")
      return Json::array(
          {number("integer", p), text("^[0-9]+(\\.[0-9]+)? ?(B|[kKMGT]B|[KMGT]iB)$")});
    if (type == "duration")
      return Json::array({number("number", p), text("^[0-9]+(\\.[0-9]+)? ?(ms|s|m|min|h|d)$")});
    if (type == "enum") return Json::array({Json{{"enum", list(p, "choices")}}});
    if (type == "struct") return Json::array({map(list(p, "fields"), home)});
    if (type == "one_of") {
      Json one = map(list(p, "fields"), home);
      one.erase("required");
      one["minProperties"] = one["maxProperties"] = 1;
      return Json::array({one});
    }
    if (type == "list") return Json::array({Json{{"type", "array"}, {"items", item(p, home)}}});
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
    Json names = Json::array(), out = Json::array(), maps = Json::object();
    for (const std::string& name :
         rewards ? registry_.reward_names(home) : registry_.step_names(home)) {
      const auto found = rewards ? registry_.reward(name, home) : registry_.step(name, home);
      if (!found) continue;
      names.push_back(name);
      Json with = map(list(*found->item, "parameters"), home);
      if (rewards) with["properties"]["weight"] = {{"type", "number"}, {"default", 1.0}};
      with["type"] = {"object", "null"};
      with["description"] = member(*found->item, "summary");
      maps[name] = std::move(with);
    }
    out.push_back({{"enum", names}});
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
