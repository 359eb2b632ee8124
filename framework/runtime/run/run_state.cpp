#include "runtime/run/run_state.h"

#include <algorithm>

#include "runtime/run/stage_spec.h"

namespace lehr::runtime {
namespace {

bool has_result(StageStatus status) {
  return status == StageStatus::cached || status == StageStatus::ran ||
         status == StageStatus::taken;
}

}  // namespace

RunState::RunState(const Plan& plan)
    : plan_(plan), outcomes_(plan.stages.size()), decided_(plan.stages.size(), false) {
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    outcomes_[i].id = plan.stages[i].id;
    index_[plan.stages[i].id] = i;
  }
}

void RunState::decide(std::size_t index, StageStatus status, std::string message) {
  decided_[index] = true;
  outcomes_[index].status = status;
  outcomes_[index].message = std::move(message);
}

RunState::Readiness RunState::readiness(std::size_t index) const {
  Readiness out;
  for (const PlannedInput& input : plan_.stages[index].inputs) {
    const std::size_t from = index_.at(input.from_stage);
    const StageStatus status = outcomes_[from].status;
    if (!decided_[from] || status == StageStatus::stopped)
      out.kind = Readiness::Kind::waits;
    else if (!has_result(status))
      return {Readiness::Kind::blocked, input.from_stage};
  }
  return out;
}

std::vector<std::string> RunState::input_digests(std::size_t index) const {
  std::vector<std::string> digests;
  for (const PlannedInput& input : plan_.stages[index].inputs)
    digests.push_back(
        outcomes_[index_.at(input.from_stage)].result.outputs.at(input.from_port).digest);
  return digests;
}

bool RunState::any(StageStatus status) const {
  return std::any_of(outcomes_.begin(), outcomes_.end(),
                     [&](const StageOutcome& o) { return o.status == status; });
}

void RunState::stop_the_rest() {
  for (std::size_t i = 0; i < outcomes_.size(); ++i)
    if (!decided_[i]) decide(i, StageStatus::stopped, "");
}

int RunState::exit_code() const {
  if (any(StageStatus::stopped)) return kExitResumable;
  if (any(StageStatus::failed)) return kExitFailed;
  return any(StageStatus::gate_failed) ? kExitGate : kExitOk;
}

}  // namespace lehr::runtime
