// Carries out a plan: every stage in a host process of its own, independent stages side by side
// within the plan's threads. One thread, one poll loop. A failed stage or gate blocks what depends
// on it; nothing else is started then either, as make, ninja, DVC and Snakemake do it, unless asked
// to keep going. What runs already may end. A stage with `retries` is tried again after a pause,
// each time from its last checkpoint; one with a `timeout` is asked to stop, then killed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/run/display.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

enum class StageStatus {
  cached,
  ran,
  taken,  // another run has made it, or a stage of this one that has the same key
  failed,
  gate_failed,
  blocked,  // what it needs has failed
  stopped,
  not_run,  // not started, because something else had failed
  skipped,  // not selected, or not wanted (`when`)
};
const char* name(StageStatus status);

struct StageOutcome {
  std::string id;
  StageStatus status = StageStatus::blocked;
  std::shared_ptr<const StageResult> result;  // null: it has none
  double seconds = 0;                         // spent in this run, all attempts together
  std::uint32_t attempts = 0;
  std::string message;  // why it failed or was blocked
};

struct RunOutcome {
  int code = 0;  // see ExitCode
  std::string run;
  double seconds = 0;
  std::vector<StageOutcome> stages;  // in the plan's order
};

struct RunOptions {
  bool keep_going = false;  // after a failure, go on with all that does not depend on it
  std::size_t jobs = 0;     // stages at one time; 0: as many as the threads allow
};

// The plan has been looked up (planner.h); `found` is the lock that look_up gave, let go once the
// run has said what it relies on. host: the lehr-host program. Takes over SIGINT, SIGTERM and
// SIGHUP while something runs: the first, as a display that is lost, asks the stages to save their
// state and stop; a second SIGINT or SIGTERM ends the program at once (130 or 143). Throws IoError,
// StoreError.
RunOutcome execute(const Plan& plan, const ArtifactStore& store, Display& display,
                   const std::filesystem::path& host, FileDescriptor found,
                   const RunOptions& options = {});

}  // namespace lehr::runtime
