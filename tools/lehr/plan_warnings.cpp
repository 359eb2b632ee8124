#include "plan_warnings.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string_view>
#include <thread>

#include "runtime/run/human_text.h"
#include "runtime/run/resource_pool.h"

namespace lehr::cli {
namespace {

using Json = nlohmann::ordered_json;
using runtime::Gate;
using runtime::PlannedStage;
using runtime::StageState;

bool is_to_run(const PlannedStage& stage) {
  return stage.state == StageState::run || stage.state == StageState::maybe;
}

// Whether execvp would find it.
bool can_start(const std::string& program) {
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/bin:/usr/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder.empty() ? program : folder + "/" + program).c_str(), X_OK) == 0)
      return true;
  return false;
}

class Warnings {
 public:
  Warnings(const runtime::Plan& plan, const runtime::ArtifactStore* store)
      : plan_(plan),
        store_(store),
        gpus_(runtime::ResourcePool(plan).gpus()),
        processors_(std::thread::hardware_concurrency()) {
    for (const PlannedStage& stage : plan.stages) by_id_[stage.id] = &stage;
  }

  std::string text() {
    for (const PlannedStage& stage : plan_.stages) conditions(stage);
    for (const PlannedStage& stage : plan_.stages)
      if (stage.estimate.is_object() && stage.estimate.contains("error"))
        warn(stage, "no estimate: " + stage.estimate["error"].get<std::string>());
    if (plan_.threads > processors_ && processors_ > 0)
      out_ += "lehr: warning: the pipeline's resources have " + too_many(plan_.threads);
    for (const PlannedStage& stage : plan_.stages) resources(stage);
    for (const PlannedStage& stage : plan_.stages)
      if (is_to_run(stage) && stage.uses == "command.run") program(stage);
    return std::move(out_);
  }

 private:
  void warn(const PlannedStage& stage, const std::string& what) {
    out_ += "lehr: warning: stage '" + stage.id + "': " + what + "\n";
  }

  // By results that are stored: the run will end there.
  void conditions(const PlannedStage& stage) {
    if (stage.state == StageState::skip) return;
    for (const Gate& gate : stage.gates) {
      const PlannedStage& of = gate.stage.empty() ? stage : *by_id_.at(gate.stage);
      if (!of.result) continue;
      const auto found = of.result->results.find(gate.metric);
      if (found == of.result->results.end())
        warn(stage, "its gate fails: " + gate.missing(of.id, of.result->results));
      else if (!gate.passes(found->second.value))
        warn(stage, "its gate fails: " + gate.name() + " is " +
                        runtime::number_text(found->second.value) + ", required " + gate.text() +
                        " (" + gate.where +
                        "). The run ends there; with --keep-going what does not need the stage "
                        "still runs");
    }
    for (const Gate& condition : stage.conditions)
      if (const PlannedStage& of = *by_id_.at(condition.stage);
          of.result && of.result->results.find(condition.metric) == of.result->results.end())
        warn(stage, "it will fail: when: " + condition.missing(of.id, of.result->results));
  }

  void resources(const PlannedStage& stage) {
    if (is_to_run(stage)) {
      if (stage.threads > processors_ && processors_ > 0 && stage.threads != plan_.threads)
        out_ += "lehr: warning: stage '" + stage.id + "': its resources have " +
                too_many(stage.threads);
      if (stage.gpus > gpus_)
        warn(stage, "it wants " + gpus_text(stage.gpus) + ", and there " +
                        (gpus_ == 1 ? "is 1" : "are " + std::to_string(gpus_)) +
                        ": it will not be started");
      const std::uint64_t machine = runtime::machine_memory();
      if (plan_.memory == 0 && stage.memory > machine)
        warn(stage, "its resources have " + runtime::bytes_text(stage.memory) +
                        " of memory, and the machine has " + runtime::bytes_text(machine));
    }
    // A GPU has memory of its own.
    if (stage.device == "cpu")
      needs(stage, "memory", plan_.memory > 0 ? plan_.memory : runtime::machine_memory(),
            plan_.memory > 0 ? " are in the pipeline's resources" : " are in the machine");
    if (stage.device == "cpu" && stage.memory > 0)
      needs(stage, "memory", stage.memory, " are in its own resources");
    if (store_ != nullptr)
      needs(stage, "disk", store_->free_bytes(), " are free where the store is");
  }

  // By the stage's own estimate.
  void needs(const PlannedStage& stage, const char* what, std::uint64_t room, const char* of_what) {
    if (!stage.estimate.is_object()) return;
    const auto found = stage.estimate.find(what);
    const double needed = found == stage.estimate.end() ? 0 : found->get<double>();
    if (needed <= static_cast<double>(room)) return;
    const Json at_most = stage.estimate.value("at_most", Json::array());
    const bool may = std::count(at_most.begin(), at_most.end(), what) > 0;
    warn(stage, std::string(may ? "it may need " : "it needs ") +
                    runtime::bytes_text(static_cast<std::uint64_t>(needed)) + " of " + what +
                    ", and only " + runtime::bytes_text(room) + of_what);
  }

  // What the stage itself cannot say while planning: its rules do not depend on the machine.
  void program(const PlannedStage& stage) {
    const auto text = [&](const char* name) {
      const auto found = stage.parameters.find(name);
      const bool given = found != stage.parameters.end() && found->is_string();
      return given ? found->get<std::string>() : std::string();
    };
    const std::string program = text("program"), script = text("script");
    if (!program.empty() && !can_start(program))
      warn(stage, program.find('/') == std::string::npos
                      ? "its program '" + program + "' is in no folder of PATH"
                      : "its program '" + program + "' is not there, or is not executable");
    else if (program.empty() && !script.empty() && !can_start(script))
      warn(stage, "its script '" + script +
                      "' is not executable. Make it so, or name what runs it, as in 'program: "
                      "python3'");
  }

  static std::string gpus_text(std::uint32_t count) {
    return std::to_string(count) + (count == 1 ? " GPU" : " GPUs");
  }

  std::string too_many(std::uint32_t threads) const {
    return std::to_string(threads) + " threads, and the machine has " +
           std::to_string(processors_) + (processors_ == 1 ? " processor" : " processors") +
           ": they take turns\n";
  }

  const runtime::Plan& plan_;
  const runtime::ArtifactStore* store_;
  const std::size_t gpus_;
  const std::uint32_t processors_;
  std::map<std::string_view, const PlannedStage*> by_id_;
  std::string out_;
};

}  // namespace

std::string plan_warnings(const runtime::Plan& plan, const runtime::ArtifactStore* store) {
  return Warnings(plan, store).text();
}

}  // namespace lehr::cli
