// Runs one stage in folders of its own: a store with the inputs, a home, a place for temporaries.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "conformance/kit.h"
#include "runtime/run/stage_process.h"
#include "runtime/store/store.h"

namespace lehr::conformance {

// How a run differs from the plainest one.
struct Trial {
  std::uint32_t threads = 1;
  bool elsewhere = false;      // other language, time zone and home
  bool broken_inputs = false;  // every input file cut in half
  std::int64_t kill_after_commits = 0, stop_after_commits = -1;  // see StageSpec
};

struct Outcome {
  std::optional<runtime::StageResult> result;
  bool in_time = true, stopped = false, resumed = false;
  runtime::StageProcess::Ending ending;
  std::string failure;                 // what the stage said
  std::set<std::string> leaked;        // descriptors left open
  std::vector<std::string> misplaced;  // files written where nothing is to be written
  // "failed: ...", "died by signal ..."; empty: it finished.
  std::string problem() const;
  // False where the stage ended as a stage may: done, stopped, or failed with a reason.
  bool misbehaved() const;
};

class Bench {
 public:
  Bench(const Kit& kit, const Json& stage, Json parameters);

  // Why the stage cannot be run (an input is missing), or empty.
  const std::string& obstacle() const { return obstacle_; }
  bool has_inputs() const { return !inputs_.empty(); }
  // Runs in the place of that name, which is made when it is not there: the same place again goes
  // on from what was committed there.
  Outcome run(const std::string& place, const Trial& trial = {});
  // Empties a place, so that the next run there begins anew in folders of the same names.
  void clear(const std::string& place);
  // The inputs as facts for `estimate`; made: with their folders in that place.
  Json input_facts(bool made, const std::string& place) const;
  const Json& parameters() const { return parameters_; }

 private:
  struct Input {
    std::string port, type;
    std::filesystem::path folder;
  };
  std::vector<std::string> fill_store(const runtime::ArtifactStore& store, bool broken) const;

  const Kit& kit_;
  const Json& stage_;
  const Json parameters_;
  std::filesystem::path folder_;
  std::vector<Input> inputs_;
  std::string obstacle_;
};

}  // namespace lehr::conformance
