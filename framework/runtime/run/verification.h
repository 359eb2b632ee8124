// Running stages again to see whether the same comes out: each by itself, in a scratch store, with
// the inputs its result was recorded with. The store itself is only read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/run/display.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

// Stages that promise bytes (exact, machine) are held to them and to their named results; those
// that do not (none), to their named results within this share of the larger of the two. One that
// has none and gives other bytes stays open: nothing says whether that matters.
inline constexpr double kVerifyTolerance = 0.05;

struct StageVerification {
  std::string stage, determinism;
  enum class Outcome { same, differs, open, failed, stopped } outcome = Outcome::same;
  std::vector<std::string> details;  // what differs, or was compared; why it failed
  double seconds = 0;
  bool by_results = false;  // held to results alone
};

class Verification {
 public:
  // Makes the scratch store at `scratch`, which is not there yet. All borrowed, and looked up:
  // plan against store. host: see execute().
  Verification(const Plan& plan, const ArtifactStore& store, std::filesystem::path scratch,
               std::filesystem::path host, double tolerance);
  // The stage is cached in the plan. Throws IoError, StoreError.
  StageVerification run(const PlannedStage& stage, Display& display);

 private:
  Plan with_its_inputs(const PlannedStage& stage) const;
  PlannedStage lent(const PlannedStage& stage) const;
  void compare_outputs(const StageResult& before, const StageResult& now, StageVerification& out);
  void compare_results(const StageResult& before, const StageResult& now, StageVerification& out);

  const Plan& plan_;
  const ArtifactStore& store_;
  ArtifactStore scratch_;
  std::filesystem::path host_;
  double tolerance_;
};

}  // namespace lehr::runtime
