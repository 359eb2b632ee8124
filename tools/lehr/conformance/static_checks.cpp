// What can be said of the file and its manifest without running a stage.
#include <lehr/abi.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "conformance/kit.h"
#include "runtime/run/plugin_questions.h"

namespace lehr::conformance {
namespace {

constexpr const char* kPlugin = "plugin";

bool snake_case(const std::string& name) {
  return !name.empty() && name.size() <= 64 && std::islower(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::islower(c) || std::isdigit(c) || c == '_';
         });
}

bool begins_with_any(const std::string& name, std::initializer_list<const char*> beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const char* b) { return name.starts_with(b); });
}

std::string add(std::string problems, const std::string& problem) {
  if (problem.empty()) return problems;
  return problems.empty() ? problem : problems + "\n" + problem;
}

// ---- parameters ----

bool fits(const Json& value, const std::string& type) {
  if (type == "bool") return value.is_boolean();
  if (type == "int" || type == "count" || type == "bytes") return value.is_number_integer();
  if (type == "float" || type == "duration") return value.is_number();
  if (type == "string" || type == "enum" || type == "input_path") return value.is_string();
  if (type == "list" || type == "steps" || type == "rewards") return value.is_array();
  return value.is_object();  // map, struct, one_of
}

std::string parameter_problems(const Json& p, const std::string& path) {
  static const std::set<std::string> types = {
      "bool",       "int",  "count",  "bytes",  "float", "duration", "string", "enum",
      "input_path", "list", "struct", "one_of", "map",   "steps",    "rewards"};
  const std::string type = p.value("type", ""), where = "parameter '" + path + "' ";
  if (!types.contains(type))
    return where + "has type '" + type + "', which is none of those in description.md";
  std::string out;
  const bool required = p.value("required", false);
  if (required && p.contains("default"))
    out = add(out, where + "is required and has a default; it can be only one of the two");
  if (!required && !p.contains("default"))
    out = add(out, where + "has neither a default nor required");
  const Json value = p.value("default", Json());
  if (!value.is_null() && !fits(value, type))
    out = add(out, where + "is a " + type + ", its default " + value.dump() + " is not");
  for (const auto& [bound, outside] : {std::pair{"min", -1}, {"max", 1}})
    if (p.contains(bound) && p[bound].is_number() && value.is_number()) {
      const double limit = p[bound], given = value;
      if (outside < 0 ? given < limit : given > limit)
        out = add(out, where + "has the default " + value.dump() + ", beyond its own " + bound +
                           " " + p[bound].dump());
    }
  if (type == "enum") {
    const Json choices = p.value("choices", Json::array());
    if (!choices.is_array() || choices.empty())
      out = add(out, where + "is an enum without choices");
    else if (!value.is_null() && std::find(choices.begin(), choices.end(), value) == choices.end())
      out = add(out, where + "has the default " + value.dump() + ", which is none of its choices");
  }
  std::set<std::string> seen;
  for (const Json& field : p.value("fields", Json::array())) {
    const std::string name = field.value("name", "");
    if (!seen.insert(name).second) out = add(out, where + "has two fields '" + name + "'");
    out = add(out, parameter_problems(field, path + "." + name));
  }
  return out;
}

std::string names_and_parameters(const Json& item) {
  std::string out;
  const std::string name = item.value("name", "");
  if (!snake_case(name))
    out = add(out, "'" + name + "' is not a snake_case name of at most 64 letters");
  if (item.value("summary", "").empty())
    out = add(out, "it has no summary; say in one line what it does");
  std::set<std::string> seen;
  for (const Json& p : item.value("parameters", Json::array())) {
    const std::string parameter = p.value("name", "");
    if (!snake_case(parameter))
      out = add(out, "'" + parameter + "' is not a snake_case name of a parameter");
    if (!seen.insert(parameter).second) out = add(out, "it has two parameters '" + parameter + "'");
    out = add(out, parameter_problems(p, parameter));
  }
  return out;
}

std::string ports_and_promises(const Json& stage) {
  std::string out;
  static const std::set<std::string> classes = {"exact", "machine", "none"};
  if (const std::string given = stage.value("determinism", ""); !classes.contains(given))
    out = add(out, "determinism '" + given + "' is none of exact, machine, none");
  static const std::set<std::string> devices = {"cpu", "cuda"};
  if (const auto listed = stage.find("devices"); listed != stage.end()) {
    for (const Json& device : *listed)
      if (!devices.contains(device.get<std::string>()))
        out = add(out, "device " + device.dump() + " is none of cpu, cuda");
    if (listed->empty()) out = add(out, "it lists no device; leave the list out if none matters");
  }
  for (const char* side : {"inputs", "outputs"}) {
    std::set<std::string> seen;
    for (const Json& port : stage.value(side, Json::array())) {
      const std::string name = port.value("name", ""), where = "port '" + name + "' ";
      if (name == "*") continue;  // left to the pipeline
      if (!snake_case(name)) out = add(out, where + "is not a snake_case name");
      if (!snake_case(port.value("type", ""))) out = add(out, where + "has no valid type");
      if (!seen.insert(name).second)
        out = add(out, std::string("two ") + side + " are named '" + name + "'");
      const auto symbol_problem = [&](const std::string& symbol) {
        return symbol.starts_with("=") ||
                       (!symbol.empty() && std::isupper(static_cast<unsigned char>(symbol[0])))
                   ? std::string()
                   : where + "binds '" + symbol +
                         "'; a symbol begins with an upper-case letter, a constant with '='";
      };
      const auto facet_problem = [&](const std::string& symbol) {
        if (!symbol.starts_with('$')) return symbol_problem(symbol);
        const Json parameters = stage.value("parameters", Json::array());
        const auto named = [&](const Json& parameter) {
          return parameter.value("name", "") == symbol.substr(1);
        };
        return std::any_of(parameters.begin(), parameters.end(), named)
                   ? std::string()
                   : where + "binds '" + symbol + "', but there is no such parameter";
      };
      const Json facets = port.value("facets", Json::object());
      for (const auto& [facet, symbol] : facets.items())
        out = add(out, facet_problem(symbol.get<std::string>()));
      if (port.contains("self")) out = add(out, symbol_problem(port.value("self", "")));
      const std::string otherwise = port.value("otherwise", "");
      const auto stands_in = [&](const Json& other) {
        return other.value("name", "") == otherwise && other.value("type", "") == port["type"];
      };
      const Json ports = stage.value(side, Json::array());
      if (!otherwise.empty() && std::none_of(ports.begin(), ports.end(), stands_in))
        out = add(out, where + "takes otherwise '" + otherwise + "', which is no port of its type");
    }
  }
  if (stage.value("outputs", Json::array()).empty())
    out = add(out, "it has no output; a stage makes at least one artifact");
  return out;
}

// ---- the file ----

std::string library_problems(const runtime::PluginFile& plugin) {
  std::string out;
  const bool has_steps = !plugin.description.value("steps", Json::array()).empty();
  for (const std::string& library : plugin.needed) {
    if (begins_with_any(library, {"libpython"}))
      out = add(out, "it needs " + library +
                         ": a plugin that brings an interpreter breaks others. "
                         "Run Python as a program, with the stage `command`");
    if (has_steps &&
        begins_with_any(library, {"libtorch", "libc10", "libgomp", "libomp", "libiomp"}))
      out =
          add(out, "it needs " + library +
                       " and has document steps, which are loaded into the host of the stage that "
                       "names them. Put the steps into a plugin of their own");
  }
  for (const std::string& library : runtime::library_identities(plugin))
    if (library.ends_with(": not found"))
      out = add(out, library.substr(0, library.find(':')) +
                         " is not found. Install it, or link with -Wl,-rpath,'$ORIGIN/...'");
  return out;
}

std::string symbol_problems(const runtime::PluginFile& plugin) {
  std::string extra;
  std::size_t count = 0;
  for (const std::string& symbol : runtime::exported_symbols(plugin)) {
    if (symbol == LEHR_PLUGIN_ENTRY) continue;
    if (++count <= 3) extra += (count > 1 ? ", " : "") + symbol;
  }
  if (count == 0) return "";
  return std::to_string(count) + " more symbols can be seen by other libraries: " + extra +
         (count > 3 ? ", ..." : "") +
         ". Link with a version script that keeps all but " LEHR_PLUGIN_ENTRY
         " local; lehr_add_plugin() does";
}

std::string run_path_problems(const runtime::PluginFile& plugin) {
  std::string out;
  for (const std::string& list : plugin.run_paths)
    for (std::size_t at = 0; at < list.size();) {
      const std::size_t end = std::min(list.find(':', at), list.size());
      const std::string folder = list.substr(at, end - at);
      if (!begins_with_any(folder, {"$ORIGIN", "${ORIGIN}"}))
        out = add(out, "the run path '" + folder +
                           "' is absolute: the same source built elsewhere would count as other "
                           "code. Use $ORIGIN");
      at = end + 1;
    }
  return out;
}

std::string about(const runtime::PluginFile& plugin) {
  std::string out;
  if (plugin.version.empty()) out = add(out, "it has no version");
  if (plugin.description.value("license", "").empty())
    out = add(out, "it names no licence (an SPDX identifier, as Apache-2.0)");
  if (plugin.description.value("summary", "").empty()) out = add(out, "it has no summary");
  std::size_t items = 0;
  for (const char* kind : {"stages", "steps", "rewards"})
    items += plugin.description.value(kind, Json::array()).size();
  if (items == 0) out = add(out, "it has no stage, document step or reward");
  return out;
}

}  // namespace

bool check_file(Kit& kit) {
  const runtime::PluginFile& plugin = kit.plugin;
  kit.report.passed(kPlugin, kIsPluginFile);
  const std::vector<runtime::PluginQuestion> question = {{plugin.path, {{"ask", "manifest"}}}};
  const auto loaded = runtime::PluginHosts(kit.host, kit.patience).ask(question);
  kit.report.judge(kPlugin, "loads, and says what its manifest says", loaded.at(0).error);
  kit.report.judge(kPlugin, "says version, licence and what it does", about(plugin));
  kit.report.judge(kPlugin, "libraries it needs are there and may be", library_problems(plugin));
  kit.report.judge(kPlugin, "shows only " LEHR_PLUGIN_ENTRY, symbol_problems(plugin));
  kit.report.judge(kPlugin, "run paths are relative to it", run_path_problems(plugin));
  for (const char* kind : {"stages", "steps", "rewards"})
    for (const Json& item : plugin.description.value(kind, Json::array())) {
      kit.report.judge(title(kit, kind, item), "names, types and defaults are valid",
                       names_and_parameters(item));
      if (kind == std::string("stages"))
        kit.report.judge(title(kit, kind, item), "ports and promises are valid",
                         ports_and_promises(item));
    }
  return !loaded.at(0).broken;
}

std::string title(const Kit& kit, const std::string& kind, const Json& item) {
  const char* word = kind == "stages" ? "stage " : kind == "steps" ? "step " : "reward ";
  return word + kit.plugin.name + "." + item.value("name", "");
}

}  // namespace lehr::conformance
