// What a stage host is told about a planned stage, now that its inputs are known; and what is told
// about its result.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/run/stage_spec.h"

namespace lehr::runtime {

// input_digests: one for each of stage.inputs. trusted: artifacts whose content this run has made
// or checked; the host hashes all others before it uses them. gpus: for CUDA_VISIBLE_DEVICES.
StageSpec planned_spec(const PlannedStage& stage, const StageKey& key,
                       const std::vector<std::string>& input_digests,
                       const std::set<std::string>& trusted, const std::vector<std::string>& gpus,
                       const std::filesystem::path& store, const std::string& run);

}  // namespace lehr::runtime
