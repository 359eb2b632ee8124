// A pipeline file: YAML, interpolation, matrix, binding to parameters of every type, planning.
#include <nlohmann/json.hpp>

#include "input_file.h"
#include "runtime/config/pipeline.h"
#include "runtime/plan/planner.h"

namespace {

using namespace lehr;

runtime::PluginRegistry registry() {
  runtime::PluginFile plugin;
  plugin.name = "p";
  plugin.version = "1";
  plugin.description = nlohmann::ordered_json::parse(R"({"name": "p", "stages": [
    {"name": "dig", "seed": true, "inputs": [], "outputs": [{"name": "documents", "type": "documents", "self": "D"}],
     "parameters": [
      {"name": "wet", "type": "bool", "default": false}, {"name": "depth", "type": "int", "default": 2, "min": 1, "max": 10},
      {"name": "grains", "type": "count", "default": 10}, {"name": "load", "type": "bytes", "default": 10},
      {"name": "heat", "type": "float", "default": 0.5}, {"name": "pause", "type": "duration", "default": 1},
      {"name": "label", "type": "string", "default": "x"}, {"name": "shape", "type": "enum", "default": "a", "choices": ["a", "b"]},
      {"name": "tags", "type": "list", "item": {"type": "string"}, "default": []},
      {"name": "layers", "type": "list", "item": {"type": "struct", "fields": [{"name": "width", "type": "count", "default": 1}]}, "default": []},
      {"name": "mould", "type": "struct", "fields": [{"name": "width", "type": "int", "default": 1}], "default": {}},
      {"name": "fuel", "type": "one_of", "fields": [{"name": "wood", "type": "count"}, {"name": "gas", "type": "float"}], "default": null},
      {"name": "steps", "type": "steps", "default": []}, {"name": "rewards", "type": "rewards", "default": []}]},
    {"name": "fire", "inputs": [{"name": "documents", "type": "documents", "list": true}],
     "outputs": [{"name": "model", "type": "model", "facets": {"tokenizer": "T"}}], "parameters": []}],
    "steps": [{"name": "quiet", "parameters": [{"name": "min", "type": "count", "default": 1}]}],
    "rewards": [{"name": "short", "parameters": [{"name": "min", "type": "count", "default": 1}]}]})");
  return runtime::PluginRegistry(std::vector<runtime::PluginFile>{plugin});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const runtime::PluginRegistry plugins = registry();
  const fuzz::InputFile file(data, size);
  runtime::Diagnostics diagnostics;
  const auto pipeline = runtime::load_pipeline(file.path(), {}, diagnostics);
  runtime::make_plan(pipeline, plugins, diagnostics);
  if (!diagnostics.empty() && diagnostics.text().empty()) std::abort();
  diagnostics.json().dump();
  return 0;
}
