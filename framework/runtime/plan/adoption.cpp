#include "runtime/plan/adoption.h"

#include <algorithm>

namespace lehr::runtime {
namespace {

bool is_code(const Difference& difference) {
  return difference.name.starts_with("code.") || difference.name.starts_with("library.");
}

StageKey key_of(const PlannedStage& stage) {
  std::vector<std::string> digests;
  for (const PlannedInput& input : stage.inputs) {
    if (input.digest.empty())
      throw AdoptionRefused("its input '" + input.port + "' is not known yet: '" +
                            input.from_stage + "' has to be run or adopted first");
    digests.push_back(input.digest);
  }
  return stage_key(stage, digests);
}

std::string list(const std::vector<Difference>& differences) {
  std::string out;
  for (const Difference& difference : differences)
    if (!is_code(difference)) out += "\n  " + text(difference);
  return out;
}

bool has_outputs(const PlannedStage& stage, const StageResult& result) {
  return std::all_of(stage.outputs.begin(), stage.outputs.end(), [&](const PlannedOutput& output) {
    return result.outputs.contains(output.port);
  });
}

}  // namespace

Adoption adopt(const PlannedStage& stage, const ArtifactStore& store,
               const std::vector<StageResult>& results, std::int64_t unix_time) {
  const StageKey key = key_of(stage);
  const StageResult* best = nullptr;
  for (const StageResult& result : results) {
    if (result.stage != stage.uses || !has_outputs(stage, result)) continue;
    const auto found = differences(result.key_parts, key.parts);
    if (!std::all_of(found.begin(), found.end(), is_code)) continue;
    if (best != nullptr && best->unix_time >= result.unix_time) continue;
    if (store.find_result(result.key)) best = &result;
  }
  if (best == nullptr) {
    const StageResult* closest = closest_result(stage, key.parts, results);
    if (closest == nullptr) throw AdoptionRefused("the store holds no earlier result of it");
    const std::string others = list(differences(closest->key_parts, key.parts));
    throw AdoptionRefused(others.empty()
                              ? "the outputs of its earlier result (run " + closest->run +
                                    ") are gone or damaged"
                              : "more than code differs from its closest earlier result (run " +
                                    closest->run + "):" + others);
  }
  Adoption out{*best, differences(best->key_parts, key.parts)};
  out.result.key = key.key;
  out.result.key_parts.clear();
  for (const KeyPart& part : key.parts) out.result.key_parts.emplace_back(part.name, part.value);
  out.result.stage_id = stage.id;
  out.result.adopted_from = best->key;
  out.result.adopted_time = unix_time;
  return out;
}

}  // namespace lehr::runtime
