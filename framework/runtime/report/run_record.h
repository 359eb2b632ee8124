// A run read back from its folder (store/run_log.h): what was planned, how each stage ended, and
// what it resulted in. Reads a run that is still going, too: it is then what is known so far.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"
#include "runtime/store/run_log.h"
#include "runtime/store/stage_result.h"

namespace lehr::runtime {

struct StageRecord {
  std::string id, uses;
  // "cached", "ran", "taken", "failed", "gate failed", "blocked", "skipped", "stopped"; "running"
  // and "waits" while the run goes on, "interrupted" and "not reached" when it was killed.
  std::string status;
  std::string message;  // why it failed, was blocked or skipped
  std::string key;      // empty: its inputs were never known
  double seconds = 0;   // spent in this run
  NamedResults results;
  std::map<std::string, std::string> outputs;  // port -> digest; empty once gc has taken the result
  std::vector<KeyPart> parts;  // of the key; inputs only as long as the store has the result
  // Which run computed it, as which stage, and how long that took; this run, if it ran here.
  std::string made_in, made_as;
  double made_seconds = 0;
};

struct RunRecord {
  RunEntry entry;
  std::string file;  // the pipeline's, as it was named
  std::uint64_t seed = 0;
  std::vector<StageRecord> stages;  // in the plan's order

  const StageRecord* find(const std::string& id) const;
};

// Throws StoreError: no plan, malformed files.
RunRecord read_run(const std::filesystem::path& store_root, const RunEntry& entry);

// A name that means no run, or several.
struct NoSuchRun : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// The run that `name` means among `runs` (newest first): "last", "last~2" (the second before the
// last), an id, or a part of one that no other has. Throws NoSuchRun.
const RunEntry& find_run(const std::vector<RunEntry>& runs, const std::string& name);

struct MetricPoint {
  std::int64_t step = 0;
  double value = 0;
};
// By name, in step order; where a resumed stage told a step again, the later value counts. Empty:
// the stage told no metrics, or its run is gone.
std::map<std::string, std::vector<MetricPoint>> read_metrics(
    const std::filesystem::path& store_root, const std::string& run, const std::string& stage);

}  // namespace lehr::runtime
