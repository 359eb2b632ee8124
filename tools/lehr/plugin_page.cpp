#include "plugin_page.h"

#include <charconv>
#include <cmath>

namespace lehr::cli {
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

std::string number(const Json& value) {
  const double v = value.get<double>();
  char buffer[40];
  const bool whole = std::abs(v) < 1e15 && v == std::floor(v);
  const auto end =
      whole ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(v)).ptr
            : std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  return {buffer, end};
}

std::string range(const Json& p) {
  const bool low = p.contains("min") && p["min"].is_number(),
             high = p.contains("max") && p["max"].is_number();
  const std::string unit = member(p, "unit").empty() ? "" : " " + member(p, "unit");
  if (low && high) return number(p["min"]) + ".." + number(p["max"]) + unit;
  if (low) return "at least " + number(p["min"]) + unit;
  if (high) return "at most " + number(p["max"]) + unit;
  return unit.empty() ? "" : unit.substr(1);
}

std::string type_text(const Json& p) {
  const std::string type = member(p, "type");
  if (type == "map" && p.contains("item")) return "map of " + type_text(p["item"]);
  if (type == "list" && p.contains("item")) return "list of " + type_text(p["item"]);
  if (type != "enum") return type;
  std::string out;
  for (const Json& c : list(p, "choices")) out += (out.empty() ? "" : " | ") + c.get<std::string>();
  return out;
}

void parameters(std::string& out, const Json& described, const std::string& indent) {
  for (const Json& p : described) {
    out += indent + member(p, "name") + ": " + type_text(p);
    if (const std::string bounds = range(p); !bounds.empty()) out += ", " + bounds;
    const std::string type = member(p, "type");
    if (p.value("required", false))
      out += ", required";
    else if (p.contains("default") && type != "struct")
      out += ", default " + (p["default"].is_null() ? "none" : p["default"].dump());
    if (!p.value("affects_output", true)) out += ", does not affect the output";
    out += '\n';
    if (const std::string help = member(p, "help"); !help.empty())
      out += indent + "    " + help + "\n";
    parameters(out, list(p, "fields"), indent + "  ");
    if (p.contains("item")) parameters(out, list(p["item"], "fields"), indent + "  ");
  }
}

void ports(std::string& out, const Json& described, const char* title) {
  if (described.empty()) return;
  out += std::string("  ") + title + "\n";
  for (const Json& port : described) {
    if (member(port, "name") == "*") {
      out +=
          "    any the pipeline " + std::string(title[0] == 'i' ? "connects" : "declares") + "\n";
      continue;
    }
    out += "    " + member(port, "name") + ": " + (port.value("list", false) ? "list of " : "") +
           member(port, "type");
    if (const auto facets = port.find("facets"); facets != port.end() && facets->is_object())
      for (const auto& [facet, symbol] : facets->items())
        out +=
            ", " + facet + " " + (symbol.is_string() ? symbol.get<std::string>() : symbol.dump());
    if (const std::string self = member(port, "self"); !self.empty()) out += ", is " + self;
    if (port.value("optional", false)) out += ", optional";
    out += '\n';
    if (const std::string help = member(port, "help"); !help.empty())
      out += "        " + help + "\n";
  }
}

std::string item_page(const std::string& plugin, const Json& item, const char* kind) {
  std::string out = std::string(kind) + " " + plugin + "." + member(item, "name") + ": " +
                    member(item, "summary") + "\n";
  if (const std::string determinism = member(item, "determinism"); !determinism.empty()) {
    out += "  determinism " + determinism;
    if (item.value("seed", false)) out += ", depends on the seed";
    out += '\n';
  }
  ports(out, list(item, "inputs"), "in");
  ports(out, list(item, "outputs"), "out");
  if (const Json& described = list(item, "parameters"); !described.empty()) {
    out += "  with\n";
    parameters(out, described, "    ");
  }
  return out;
}

std::string header(const runtime::PluginFile& plugin) {
  std::string out =
      plugin.name + " " + plugin.version + ": " + member(plugin.description, "summary") + "\n";
  out += "  licence  " + member(plugin.description, "license") + "\n";
  out += "  file     " + plugin.path.string() + "\n";
  out += "  code     " + runtime::code_digest(plugin) + "\n";
  for (const std::string& library : runtime::library_identities(plugin))
    out += "  library  " + library + "\n";
  return out;
}

}  // namespace

std::string plugin_page(const runtime::PluginFile& plugin, const std::string& item) {
  std::string out = item.empty() ? header(plugin) : "";
  for (const auto& [list_name, kind] :
       {std::pair{"stages", "stage"}, {"steps", "step"}, {"rewards", "reward"}})
    for (const Json& described : list(plugin.description, list_name))
      if (item.empty() || member(described, "name") == item)
        out += (out.empty() ? "" : "\n") + item_page(plugin.name, described, kind);
  return out;
}

}  // namespace lehr::cli
