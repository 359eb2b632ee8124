// Carries out a plan: every stage in a host process of its own, independent stages side by side
// within the plan's threads. One thread, one poll loop. A failed stage or gate blocks what depends
// on it; the rest goes on.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/run/display.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

enum class StageStatus { cached, ran, taken, failed, gate_failed, blocked, stopped };
const char* name(StageStatus status);

struct StageOutcome {
  std::string id;
  StageStatus status = StageStatus::blocked;
  StageResult result;   // of a stage that has one
  double seconds = 0;   // spent in this run
  std::string message;  // why it failed or was blocked
};

struct RunOutcome {
  int code = 0;  // see ExitCode
  std::string run;
  double seconds = 0;
  std::vector<StageOutcome> stages;  // in the plan's order
};

// The plan has been looked up (planner.h). host: the lehr-host program. Takes over SIGINT, SIGTERM
// and SIGHUP while something runs: the first asks the stages to save their state and stop, the
// second ends the program at once (130 or 143). Throws IoError, StoreError.
RunOutcome execute(const Plan& plan, const ArtifactStore& store, Display& display,
                   const std::filesystem::path& host);

}  // namespace lehr::runtime
