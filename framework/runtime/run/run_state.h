// What is decided about every stage of a run so far, and what that means for the others: which may
// start, which is blocked, how the run ends. Touches no process and no file.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/run/executor.h"

namespace lehr::runtime {

class RunState {
 public:
  // `plan` outlives it. Only what the plan leaves alone is decided at first: skipped.
  explicit RunState(const Plan& plan);

  bool decided(std::size_t index) const { return decided_[index]; }
  std::size_t undecided() const { return undecided_; }
  void decide(std::size_t index, StageStatus status, std::string message);
  StageOutcome& outcome(std::size_t index) { return outcomes_[index]; }
  const std::vector<StageOutcome>& outcomes() const { return outcomes_; }
  std::vector<StageOutcome> take_outcomes() { return std::move(outcomes_); }  // the last call

  struct Readiness {
    enum class Kind { ready, waits, blocked, skipped, broken } kind = Kind::ready;
    std::string why;  // blocked: the stage that failed, however far above; skipped: why it is not
                      // wanted; broken: what is wrong with its conditions
  };
  // Of a stage that is not decided.
  Readiness readiness(std::size_t index) const;
  // Which stages run whatever comes out, unless something fails: no result of theirs can be in the
  // store, and no condition that is still open could skip them or what they need.
  std::vector<bool> certain_to_run() const;
  // The first stage, of those before `end` in the plan, that has become ready or can never start
  // since it was last given. A decision costs the stages that wait for it, not a walk over the
  // plan.
  std::optional<std::size_t> next_to_look_at(std::size_t end);
  struct GateVerdict {
    bool passed;
    std::string message;           // of one that did not
    nlohmann::ordered_json event;  // "gate", as display.h has it
  };
  // Of a gate of stage `index`, once the result is there that it is about.
  GateVerdict judge(std::size_t index, const Gate& gate) const;
  // Of a ready stage: one digest for each of its inputs.
  std::vector<std::string> input_digests(std::size_t index) const;

  // A stage or gate has failed.
  bool has_failed() const { return failed_; }
  // What is still undecided gets this status.
  void end_the_rest(StageStatus status);
  // See ExitCode; a failed stage counts for more than a failed gate.
  int exit_code() const;

 private:
  bool any(StageStatus status) const;
  // The value that the gate of stage `index` is about; null: there is no such result.
  const double* result(std::size_t index, const Gate& gate) const;
  // Then what Gate::missing says.
  std::string missing_result(std::size_t index, const Gate& gate) const;
  bool holds_already(const Gate& condition) const;
  // The stage itself, or the one that failed and blocked it.
  std::size_t first_failed(std::size_t index) const;

  const Plan& plan_;
  std::vector<StageOutcome> outcomes_;
  std::vector<bool> decided_;
  std::size_t undecided_;
  std::unordered_map<std::string_view, std::size_t> index_;
  std::vector<std::vector<std::size_t>> needs_, needed_by_;
  std::vector<std::size_t> undecided_needs_;
  std::set<std::size_t> to_look_at_;
  bool failed_ = false;
};

}  // namespace lehr::runtime
