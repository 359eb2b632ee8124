#include "runtime/plan/planner.h"

#include <unordered_map>
#include <utility>

#include "runtime/config/parameter_binder.h"
#include "runtime/config/suggestion.h"
#include "runtime/plan/device_choice.h"
#include "runtime/plan/draft.h"
#include "runtime/plugin/described.h"
#include "text/matching_files.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;
using described::is_set;
using described::member;

// What may have been meant by a path that names nothing. Paths are absolute, so a URL has lost a
// '/'.
std::string path_hint(const std::string& path) {
  for (const char* scheme : {"/http:/", "/https:/", "/hf:/", "/s3:/", "/gs:/"})
    if (path.find(scheme) != path.npos)
      return ". Lehr fetches nothing: name a file of this machine";
  if (path.find("/~") != path.npos) return ". '~' is not expanded: write ${env.HOME}";
  if (path.find("/$") != path.npos) return ". A variable of the environment is written ${env.NAME}";
  if (path.find('{') != path.npos) return ". '{' is no pattern: patterns have *, ** and ?";
  return {};
}

void unknown_stage(const StageConfig& config, const PluginRegistry& registry,
                   Diagnostics& diagnostics) {
  const std::string plugin = config.uses.substr(0, config.uses.find('.'));
  std::string message = "stage '" + config.base + "': ";
  const auto found = registry.plugins().find(plugin);
  if (found != registry.plugins().end()) {
    std::vector<std::string> names;
    for (const std::string& name : registry.stage_names())
      if (name.starts_with(plugin + ".")) names.push_back(name);
    message += config.uses == plugin
                   ? "plugin '" + plugin + "' has several stages." + suggestion("", names)
                   : "plugin '" + plugin + "' has no stage '" +
                         config.uses.substr(std::min(config.uses.size(), plugin.size() + 1)) +
                         "'." + suggestion(config.uses, names);
  } else {
    message += "there is no plugin '" + plugin + "'." +
               suggestion(config.uses, registry.stage_names(), 0) +
               " `lehr plugins list` shows all there are";
    if (const std::string why = registry.why_broken(plugin); !why.empty())
      message = "stage '" + config.base + "': plugin cannot be used: " + why;
  }
  diagnostics.error(config.uses_origin, message);
}

// An artifact type of the user's own may have any name but one that looks like a slip.
void check_type(const DeclaredOutput& declared, const std::string& owner,
                const PluginRegistry& registry, Diagnostics& diagnostics) {
  std::vector<std::string> known;
  for (const auto& [name, plugin] : registry.plugins())
    for (const Json& stage : described::list(plugin.description, "stages"))
      for (const char* ports : {"inputs", "outputs"})
        for (const Json& port : described::list(stage, ports)) {
          const std::string& type = member(port, "type");
          if (type == declared.type) return;
          if (!type.empty() && type != "*") known.push_back(type);
        }
  if (const std::string meant = nearest_name(declared.type, known); !meant.empty())
    diagnostics.error(declared.origin, owner + "output '" + declared.port +
                                           "': no stage knows artifacts of type '" + declared.type +
                                           "'. Did you mean '" + meant +
                                           "'? (A type of your own needs a less similar name)");
}

// The plugin's outputs, and those that the pipeline declares where the plugin leaves it to it.
void outputs(const StageConfig& config, const Json& described, const PluginRegistry& registry,
             PlannedStage& stage, Diagnostics& diagnostics) {
  bool any = false;
  for (const Json& port : described["outputs"]) {
    if (member(port, "name") == "*")
      any = true;
    else
      stage.outputs.push_back({member(port, "name"), member(port, "type"),
                               described::facets(port, stage.parameters), member(port, "self"), "",
                               ""});
  }
  for (const DeclaredOutput& declared : config.outputs) {
    if (any) {
      check_type(declared, "stage '" + config.base + "': ", registry, diagnostics);
      stage.outputs.push_back({declared.port, declared.type, {}, "", "", declared.origin.text()});
    } else {
      diagnostics.error(declared.origin, "stage '" + config.base + "': " + stage.uses +
                                             " has outputs of its own; 'out' is for stages that "
                                             "leave them to the pipeline, such as 'command'");
    }
  }
}

Gate gate(const RequireConfig& config) {
  return {config.metric, config.op, config.limit, config.origin.text(), config.stage};
}

// One plugin's part of resolving a stage: what it is and its typed parameters.
Draft resolve(const StageConfig& config, const PluginRegistry& registry, DeviceChoice& devices,
              Diagnostics& diagnostics) {
  Draft draft;
  draft.config = &config;
  PlannedStage& stage = draft.stage;
  stage.id = config.id;
  stage.where = config.origin.text();
  stage.origin = config.origin;
  stage.uses_where = config.uses_origin.text();
  stage.seed = config.seed;
  stage.seed_where = config.seed_origin.text();
  stage.threads = config.resources.threads;
  stage.threads_where = config.resources.threads_origin.text();
  stage.memory = config.resources.memory;
  stage.gpus = config.resources.gpus;
  stage.retries = config.retries;
  stage.timeout_seconds = config.timeout.seconds;
  stage.grace_seconds = config.timeout.grace_seconds;
  stage.timeout_where = config.timeout.origin.text();
  stage.wanted = config.unwanted.empty();
  stage.reason = config.unwanted;
  if (config.uses.empty()) return draft;
  const auto item = registry.stage(config.uses);
  if (!item) {
    unknown_stage(config, registry, diagnostics);
    return draft;
  }
  draft.described = item->item;
  const Json& described = *item->item;
  stage.uses = item->full_name;
  stage.plugin = item->plugin;
  const std::string& determinism = member(described, "determinism");
  stage.determinism = determinism.empty() ? "exact" : determinism;
  stage.uses_seed = is_set(described, "seed");
  devices.choose(config, described, stage, diagnostics);
  for (const RequireConfig& require : config.require) stage.gates.push_back(gate(require));
  for (const RequireConfig& when : config.when) stage.conditions.push_back(gate(when));

  BoundParameters bound =
      bind_parameters(config.with, described["parameters"], registry, "stage '" + config.base + "'",
                      item->plugin->name, config.origin, diagnostics);
  stage.parameters = std::move(bound.values);
  outputs(config, described, registry, stage, diagnostics);
  if (bound.breaks_determinism) stage.determinism = "none";
  for (auto& leaf : bound.leaves) {
    stage.static_parts.push_back({"with." + leaf.path, std::move(leaf.json), leaf.origin.text()});
    if (leaf.origin.source) stage.written.push_back({std::move(leaf.path), std::move(leaf.origin)});
  }
  for (auto& path : bound.input_paths) {
    // A default may be missing here; the stage itself says then what to install.
    if (path.origin.source && !text::matches_a_file(path.json)) {
      const std::string hint = path_hint(path.json);
      diagnostics.error(path.origin, "stage '" + config.base + "': parameter '" + path.path +
                                         "': no file matches '" + path.json + "'" +
                                         (hint.empty() ? text::why_no_file(path.json) : hint));
    }
    stage.input_paths.push_back({path.path, path.json, path.origin.text()});
  }
  for (const auto& use : bound.steps)
    stage.steps.push_back({use.parameter, use.index, use.item.full_name, use.item.plugin});
  for (const auto& use : bound.rewards)
    stage.rewards.push_back({use.parameter, use.index, use.item.full_name, use.item.plugin});
  draft.labels = std::move(bound.labels);
  return draft;
}

}  // namespace

Plan make_plan(const Pipeline& pipeline, const PluginRegistry& registry, Diagnostics& diagnostics) {
  Plan plan;
  plan.name = pipeline.name;
  plan.pipeline_file = pipeline.file;
  plan.seed = pipeline.seed;
  plan.threads = pipeline.resources.threads;
  plan.memory = pipeline.resources.memory;
  plan.gpus = pipeline.resources.gpus;

  std::vector<Draft> drafts;
  drafts.reserve(pipeline.stages.size());
  DeviceChoice devices(pipeline.resources);
  for (const StageConfig& stage : pipeline.stages)
    drafts.push_back(resolve(stage, registry, devices, diagnostics));
  connect(drafts, diagnostics);
  const std::vector<std::size_t> order = data_flow_order(drafts, diagnostics);
  check_facets(drafts, order, diagnostics);
  plan.outputs = resolve_outputs(drafts, pipeline.outputs, diagnostics);
  plan.stages.reserve(order.size());
  for (const std::size_t index : order) plan.stages.push_back(std::move(drafts[index].stage));
  return plan;
}

}  // namespace lehr::runtime
