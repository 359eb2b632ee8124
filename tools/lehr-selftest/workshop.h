// Runs the pipelines of the stages' checks (trial_pipeline.h) with the `lehr` beside this program,
// in a folder of its own among the temporary ones, which goes with this object.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lm/runtime.h"
#include "stage_checks.h"

namespace lehr::selftest {

class Workshop {
 public:
  // Throws std::runtime_error where no folder can be made.
  Workshop(const std::string& device, std::vector<std::string> plugin_paths);
  ~Workshop();
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  struct Ran {
    std::map<std::string, Metrics> first_step;  // of the stages that ran
    bool went_on = false;                       // from a state that an earlier run left
    bool killed = false;
  };
  // "dpo": what the store has not yet of dpo.yaml. Throws std::runtime_error with what lehr says of
  // a failure.
  Ran run(const std::string& pipeline, lm::Precision precision, const std::string& store = "store");
  // The same, but lehr is killed (SIGKILL) when the stage has its second durable state.
  Ran run_and_kill(const std::string& pipeline, const std::string& stage, lm::Precision precision,
                   const std::string& store);

  // Of the last run in that store: "base.model".
  std::filesystem::path output(const std::string& name, const std::string& store = "store") const;
  std::filesystem::path file(const std::string& name) const { return folder_ / name; }

 private:
  std::vector<std::string> command(const std::vector<std::string>& words) const;
  // kill_in: the stage that run_and_kill names, or empty.
  Ran run(const std::string& pipeline, lm::Precision precision, const std::string& store,
          const std::string& kill_in);

  std::filesystem::path folder_;
  std::vector<std::string> plugin_paths_;
};

}  // namespace lehr::selftest
