// Where a stage computes: by what the pipeline wants, what the stage can, and, for `device: auto`,
// whether there is a GPU. Decided once, here: the key, the plan and the stage only ever see "cpu"
// or "cuda".
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "runtime/config/diagnostics.h"
#include "runtime/config/pipeline.h"
#include "runtime/plan/plan.h"

namespace lehr::runtime {

class DeviceChoice {
 public:
  // What the pipeline wants of all stages that do not say it themselves; borrowed.
  explicit DeviceChoice(const Resources& pipeline) : pipeline_(pipeline) {}

  // Sets the device of `stage`, and its GPUs: on cuda it has at least one for itself, so that two
  // stages never meet on one. A device that the stage does not compute on is a mistake.
  void choose(const StageConfig& config, const nlohmann::ordered_json& described,
              PlannedStage& stage, Diagnostics& diagnostics);

 private:
  std::string best_of(const nlohmann::ordered_json& devices);

  const Resources& pipeline_;
  std::optional<bool> has_gpu_;  // looked for when a stage first wants to know
};

}  // namespace lehr::runtime
