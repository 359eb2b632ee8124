// What is decided about every stage of a run so far, and what that means for the others: which may
// start, which is blocked, how the run ends. Touches no process and no file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/run/executor.h"

namespace lehr::runtime {

class RunState {
 public:
  // `plan` outlives it. Only what the plan leaves alone is decided at first: skipped.
  explicit RunState(const Plan& plan);

  bool decided(std::size_t index) const { return decided_[index]; }
  void decide(std::size_t index, StageStatus status, std::string message);
  StageOutcome& outcome(std::size_t index) { return outcomes_[index]; }
  const std::vector<StageOutcome>& outcomes() const { return outcomes_; }

  struct Readiness {
    enum class Kind { ready, waits, blocked, skipped, broken } kind = Kind::ready;
    std::string why;  // blocked: the stage because of which it can never start; skipped: why it is
                      // not wanted; broken: what is wrong with its conditions
  };
  // Of a stage that is not decided.
  Readiness readiness(std::size_t index) const;
  // The value that the gate of stage `index` is about; null: there is no such result.
  const double* result(std::size_t index, const Gate& gate) const;
  // Of a ready stage: one digest for each of its inputs.
  std::vector<std::string> input_digests(std::size_t index) const;

  // A stage or gate has failed.
  bool has_failed() const;
  // What is still undecided gets this status.
  void end_the_rest(StageStatus status);
  // See ExitCode; a failed stage counts for more than a failed gate.
  int exit_code() const;

 private:
  bool any(StageStatus status) const;
  std::vector<std::string> result_names(const std::string& stage) const;

  const Plan& plan_;
  std::vector<StageOutcome> outcomes_;
  std::vector<bool> decided_;
  std::map<std::string, std::size_t> index_;
  std::vector<std::vector<std::size_t>> needs_;
};

}  // namespace lehr::runtime
