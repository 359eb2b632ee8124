#include "runtime/run/run_state.h"

#include <algorithm>
#include <cmath>

#include "runtime/run/human_text.h"
#include "runtime/run/stage_spec.h"

namespace lehr::runtime {
using Json = nlohmann::ordered_json;
namespace {

bool has_result(StageStatus status) {
  return status == StageStatus::cached || status == StageStatus::ran ||
         status == StageStatus::taken;
}

}  // namespace

const char* name(StageStatus status) {
  static const char* names[] = {"cached",  "ran",     "taken",   "failed", "gate failed",
                                "blocked", "stopped", "not run", "skipped"};
  return names[static_cast<int>(status)];
}

RunState::RunState(const Plan& plan)
    : plan_(plan),
      outcomes_(plan.stages.size()),
      decided_(plan.stages.size(), false),
      undecided_(plan.stages.size()),
      needs_(plan.needs()),
      needed_by_(plan.stages.size()),
      undecided_needs_(plan.stages.size()) {
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    outcomes_[i].id = plan.stages[i].id;
    index_[plan.stages[i].id] = i;
    undecided_needs_[i] = needs_[i].size();
    for (const std::size_t from : needs_[i]) needed_by_[from].push_back(i);
    if (needs_[i].empty()) to_look_at_.insert(i);
  }
  for (std::size_t i = 0; i < plan.stages.size(); ++i)
    if (plan.stages[i].state == StageState::skip)
      decide(i, StageStatus::skipped, plan.stages[i].reason);
}

void RunState::decide(std::size_t index, StageStatus status, std::string message) {
  const bool first = !decided_[index];  // a gate may turn down what had a result
  decided_[index] = true;
  undecided_ -= first ? 1 : 0;
  outcomes_[index].status = status;
  outcomes_[index].message = std::move(message);
  failed_ = failed_ || status == StageStatus::failed || status == StageStatus::gate_failed;
  to_look_at_.erase(index);
  for (const std::size_t user : needed_by_[index]) {
    if (first) --undecided_needs_[user];
    if (!decided_[user] && (undecided_needs_[user] == 0 || !has_result(status)))
      to_look_at_.insert(user);
  }
}

std::optional<std::size_t> RunState::next_to_look_at(std::size_t end) {
  if (to_look_at_.empty() || *to_look_at_.begin() >= end) return std::nullopt;
  return to_look_at_.extract(to_look_at_.begin()).value();
}

RunState::Readiness RunState::readiness(std::size_t index) const {
  using Kind = Readiness::Kind;
  Readiness out;
  for (const std::size_t from : needs_[index]) {
    const StageStatus status = outcomes_[from].status;
    if (!decided_[from] || status == StageStatus::stopped)
      out.kind = Kind::waits;
    else if (status == StageStatus::skipped)
      return {Kind::skipped, "needs '" + outcomes_[from].id + "'"};
    else if (!has_result(status))
      return {Kind::blocked, outcomes_[first_failed(from)].id};
  }
  if (out.kind == Kind::waits) return out;
  for (const Gate& condition : plan_.stages[index].conditions) {
    const double* value = result(index, condition);
    if (value == nullptr) return {Kind::broken, "when: " + missing_result(index, condition)};
    if (!condition.passes(*value))
      return {Kind::skipped, condition.name() + " is " + number_text(*value) + ", wanted " +
                                 condition.text() + " (" + condition.where + ")"};
  }
  return out;
}

std::size_t RunState::first_failed(std::size_t index) const {
  while (outcomes_[index].status == StageStatus::blocked) {
    const auto& needs = needs_[index];
    const auto bad = std::find_if(needs.begin(), needs.end(), [&](std::size_t from) {
      return decided_[from] && !has_result(outcomes_[from].status);
    });
    if (bad == needs.end()) break;
    index = *bad;
  }
  return index;
}

const double* RunState::result(std::size_t index, const Gate& gate) const {
  const std::size_t of = gate.stage.empty() ? index : index_.at(gate.stage);
  const StageResult* result = outcomes_[of].result.get();
  if (result == nullptr) return nullptr;
  const auto found = result->results.find(gate.metric);
  return found == result->results.end() ? nullptr : &found->second.value;
}

std::string RunState::missing_result(std::size_t index, const Gate& gate) const {
  const StageOutcome& of = outcomes_[gate.stage.empty() ? index : index_.at(gate.stage)];
  return gate.missing(of.id, of.result ? of.result->results : NamedResults());
}

RunState::GateVerdict RunState::judge(std::size_t index, const Gate& gate) const {
  const double* value = result(index, gate);
  GateVerdict out{value != nullptr && gate.passes(*value), "", {}};
  out.event = {{"metric", gate.name()},
               {"value", value == nullptr ? Json() : Json(*value)},
               {"limit", gate.text()},
               {"passed", out.passed},
               {"where", gate.where}};
  if (value == nullptr)
    out.event["message"] = out.message = "require: " + missing_result(index, gate);
  else if (!out.passed)
    out.message = gate.name() + " is " + number_text(*value) + ", required " + gate.text();
  if (value != nullptr && !std::isfinite(*value)) {  // in JSON it is null
    out.event["value"] = nullptr;
    out.event["message"] = gate.name() + " is " + number_text(*value) + ", required " + gate.text();
  }
  return out;
}

bool RunState::holds_already(const Gate& condition) const {
  const StageResult* result = plan_.stages[index_.at(condition.stage)].result.get();
  if (result == nullptr) return false;
  const auto found = result->results.find(condition.metric);
  return found != result->results.end() && condition.passes(found->second.value);
}

std::vector<bool> RunState::certain_to_run() const {
  std::vector<bool> comes(plan_.stages.size()), out(plan_.stages.size());  // comes: has a result
  for (std::size_t i = 0; i < plan_.stages.size(); ++i) {
    const PlannedStage& stage = plan_.stages[i];
    comes[i] = stage.state != StageState::skip &&
               std::all_of(needs_[i].begin(), needs_[i].end(),
                           [&](std::size_t from) { return comes[from]; }) &&
               std::all_of(stage.conditions.begin(), stage.conditions.end(),
                           [&](const Gate& condition) { return holds_already(condition); });
    out[i] = comes[i] && stage.state == StageState::run;
  }
  return out;
}

std::vector<std::string> RunState::input_digests(std::size_t index) const {
  std::vector<std::string> digests;
  for (const PlannedInput& input : plan_.stages[index].inputs)
    digests.push_back(
        outcomes_[index_.at(input.from_stage)].result->outputs.at(input.from_port).digest);
  return digests;
}

bool RunState::any(StageStatus status) const {
  return std::any_of(outcomes_.begin(), outcomes_.end(),
                     [&](const StageOutcome& o) { return o.status == status; });
}

void RunState::end_the_rest(StageStatus status) {
  for (std::size_t i = 0; i < outcomes_.size(); ++i)
    if (!decided_[i])
      decide(i, status, status == StageStatus::not_run ? "not started after the failure" : "");
}

int RunState::exit_code() const {
  if (any(StageStatus::stopped)) return kExitResumable;
  if (any(StageStatus::failed)) return kExitFailed;
  return any(StageStatus::gate_failed) ? kExitGate : kExitOk;
}

}  // namespace lehr::runtime
