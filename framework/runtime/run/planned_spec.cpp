#include "runtime/run/planned_spec.h"

#include <algorithm>

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

std::uint64_t disk_bytes(const nlohmann::ordered_json& estimate) {
  if (!estimate.is_object() || !estimate.contains("disk") || !estimate["disk"].is_number())
    return 0;
  constexpr double kMost = 1e18;  // far from what cannot be counted
  return static_cast<std::uint64_t>(std::clamp(estimate["disk"].get<double>(), 0.0, kMost));
}

}  // namespace

StageSpec planned_spec(const PlannedStage& stage, const StageKey& key,
                       const std::vector<std::string>& input_digests,
                       const std::set<std::string>& trusted, const std::vector<std::string>& gpus,
                       const fs::path& store, const std::string& run) {
  StageSpec out;
  out.store = store;
  out.run = run;
  out.stage_id = stage.id;
  out.plugin = fs::absolute(stage.plugin->path);
  out.stage = stage.uses.substr(stage.uses.find('.') + 1);
  out.full_name = stage.uses;
  out.key = key.key;
  out.force = stage.forced;
  for (const KeyPart& part : key.parts) out.key_parts.emplace_back(part.name, part.value);
  out.parameters = stage.parameters;
  out.seed = stage.seed;
  out.threads = stage.threads;
  out.device = stage.device;
  out.disk_bytes = disk_bytes(stage.estimate);
  for (const std::string& gpu : gpus) out.gpus += (out.gpus.empty() ? "" : ",") + gpu;
  for (std::size_t i = 0; i < stage.inputs.size(); ++i) {
    const PlannedInput& in = stage.inputs[i];
    out.inputs.push_back({in.port, label_for_stage(in), in.from_stage, input_digests[i],
                          !trusted.contains(input_digests[i])});
  }
  for (const PlannedOutput& output : stage.outputs)
    if (!output.where.empty()) out.declared_outputs.emplace_back(output.port, output.type);
  for (const auto* uses : {&stage.steps, &stage.rewards})
    for (const ItemUse& use : *uses)
      out.item_plugins[use.plugin->name] = fs::absolute(use.plugin->path);
  return out;
}

}  // namespace lehr::runtime
