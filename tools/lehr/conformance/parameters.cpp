// Parameter values for the kit's own runs.
#include <algorithm>

#include "conformance/kit.h"
#include "conformance/samples.h"

namespace lehr::conformance {
namespace {

double number(const Json& parameter, const char* bound, double otherwise) {
  const auto found = parameter.find(bound);
  return found != parameter.end() && found->is_number() ? found->get<double>() : otherwise;
}

Json fields(const Kit& kit, const Json& parameters);

// A value for a parameter that has no default.
Json made_up(const Kit& kit, const Json& parameter) {
  const std::string type = parameter.value("type", "");
  if (type == "bool") return false;
  if (type == "int" || type == "count" || type == "bytes")
    return static_cast<std::int64_t>(std::max(number(parameter, "min", 1), 1.0));
  if (type == "float" || type == "duration")
    return number(parameter, "min", std::min(1.0, number(parameter, "max", 1)));
  if (type == "string") return "conformance";
  if (type == "enum") return parameter.at("choices").at(0);
  if (type == "struct") return fields(kit, parameter.value("fields", Json::array()));
  if (type == "list") {  // one element, where one can be made up
    const Json item = parameter.value("item", Json::object());
    return item.value("type", "") == "input_path" ? Json::array()
                                                  : Json::array({made_up(kit, item)});
  }
  if (type == "steps") {  // its own, as far as they need nothing
    Json out = Json::array();
    for (const Json& step : kit.plugin.description.value("steps", Json::array())) {
      bool free = true;
      for (const Json& p : step.at("parameters")) free = free && !p.value("required", false);
      if (free)
        out.push_back({{"name", kit.plugin.name + "." + step.at("name").get<std::string>()},
                       {"with", fields(kit, step.at("parameters"))}});
    }
    return out;
  }
  if (type == "rewards") return Json::array();
  if (type == "map") return Json::object();
  return nullptr;
}

Json fields(const Kit& kit, const Json& parameters) {
  Json out = Json::object();
  for (const Json& parameter : parameters) {
    const std::string name = parameter.value("name", "");
    if (parameter.value("type", "") == "struct")
      out[name] = fields(kit, parameter.value("fields", Json::array()));
    else if (parameter.contains("default"))
      out[name] = parameter["default"];
    else
      out[name] = made_up(kit, parameter);
  }
  return out;
}

void set(Json& values, std::string path, const Json& value) {
  Json* at = &values;
  for (std::size_t dot; (dot = path.find('.')) != std::string::npos; path.erase(0, dot + 1))
    at = &(*at)[path.substr(0, dot)];
  (*at)[path] = value;
}

bool has(const Json& parameters, const std::string& path) {
  const std::string first = path.substr(0, path.find('.'));
  for (const Json& parameter : parameters)
    if (parameter.value("name", "") == first) return true;
  return false;
}

void fill_paths(const Json& parameters, const std::string& file, Json& values) {
  for (const Json& parameter : parameters) {
    const std::string name = parameter.value("name", ""), type = parameter.value("type", "");
    if (type == "struct" && values[name].is_object())
      fill_paths(parameter.value("fields", Json::array()), file, values[name]);
    else if (type == "input_path")
      values[name] = file;
    else if (type == "list" &&
             parameter.value("item", Json::object()).value("type", "") == "input_path")
      values[name] = Json::array({file});
  }
}

}  // namespace

Json chosen_parameters(const Kit& kit, const Json& item) {
  const Json& declared = item.at("parameters");
  Json out = fields(kit, declared);
  const std::string prefix = item.at("name").get<std::string>() + ".";
  for (const bool own : {false, true})  // what names the item wins
    for (const auto& [name, value] : kit.with) {
      if (name.starts_with(prefix) != own) continue;
      const std::string path = own ? name.substr(prefix.size()) : name;
      if (has(declared, path)) set(out, path, value);
    }
  return out;
}

Json with_sample_files(const Kit& kit, const Json& item, Json parameters) {
  const Json outputs = item.value("outputs", Json::array());
  const std::string type = outputs.empty() ? "documents" : outputs.at(0).value("type", "");
  const std::filesystem::path folder = kit.scratch / "sample-files" / type;
  if (!can_make(type)) return parameters;
  make_sample(type, folder);
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    fill_paths(item.at("parameters"), entry.path().string(), parameters);
  return parameters;
}

}  // namespace lehr::conformance
