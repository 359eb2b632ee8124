// The conformance kit behind `lehr plugins test`: does a plugin keep the promises of its
// description and of abi.h? Its code runs in processes of its own, started the ordinary way, so
// that one that misbehaves costs a line in the report and no more.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "conformance/report.h"
#include "runtime/plugin/plugin_file.h"

namespace lehr::conformance {

using Json = nlohmann::ordered_json;

struct Kit {
  runtime::PluginFile plugin;
  std::filesystem::path host;     // lehr-host
  std::filesystem::path scratch;  // an empty folder; the caller removes it
  // Given by the author for what the kit cannot make itself. Names: "port" or "stage.port";
  // "parameter" or "item.parameter", nested ones with more dots. The longer name wins.
  std::map<std::string, std::filesystem::path> inputs;
  std::map<std::string, Json> with;
  std::chrono::milliseconds patience{30000};  // for one answer; to stop when asked
  Report report;
};

// The promise without which nothing else can be asked: kept where read_plugin_file throws nothing.
constexpr const char* kIsPluginFile = "is a plugin file with a manifest";

// Each adds its findings to kit.report.
bool check_file(Kit& kit);  // static_checks.cpp: the file and its manifest; false: not loadable
void check_parameters(Kit& kit);  // parameter_checks.cpp: every parameter at its limits
void check_items(Kit& kit);       // item_checks.cpp: document steps and rewards
void check_stages(Kit& kit);      // stage_checks.cpp: stages, run on inputs made up here

// What the kit takes for a run: defaults, what the author gave, and something fitting where there
// is no default. parameters.cpp
Json chosen_parameters(const Kit& kit, const Json& item);
// The same, and every list of paths and every path filled with a file made up here.
Json with_sample_files(const Kit& kit, const Json& item, Json parameters);

// "stage acme.count"
std::string title(const Kit& kit, const std::string& kind, const Json& item);

}  // namespace lehr::conformance
