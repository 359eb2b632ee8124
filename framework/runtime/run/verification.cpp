#include "runtime/run/verification.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <utility>

#include "runtime/run/executor.h"
#include "runtime/run/stage_spec.h"
#include "runtime/store/artifact_comparison.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

// Shows the one stage that is run, without the run around it.
class OneStage : public Display {
 public:
  OneStage(Display& display, std::string stage) : display_(display), stage_(std::move(stage)) {}
  void event(const nlohmann::ordered_json& event) override {
    const std::string kind = event.at("event");
    if (kind == "stopping" || event.value("stage", "") == stage_) display_.event(event);
  }
  void cached(const std::string& stage, std::string_view line) override {
    if (stage == stage_) display_.cached(stage, line);
  }
  void tick() override { display_.tick(); }
  bool is_lost() const override { return display_.is_lost(); }

 private:
  Display& display_;
  std::string stage_;
};

std::string exactly(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

bool has_lasting(const NamedResults& results) {
  return std::any_of(results.begin(), results.end(),
                     [](const auto& result) { return !result.second.is_volatile; });
}

bool within(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::fabs(a - b) <= tolerance * std::max(std::fabs(a), std::fabs(b));
}

}  // namespace

Verification::Verification(const Plan& plan, const ArtifactStore& store, fs::path scratch,
                           fs::path host, double tolerance)
    : plan_(plan),
      store_(store),
      scratch_(std::move(scratch)),
      host_(std::move(host)),
      tolerance_(tolerance) {}

StageVerification Verification::run(const PlannedStage& stage, Display& display) {
  StageVerification out{stage.id, stage.determinism, StageVerification::Outcome::same, {}, 0,
                        false};
  const auto before = store_.find_result(stage.key);
  if (!before) throw StoreError("the result of stage '" + stage.id + "' is gone or damaged");
  const Plan plan = with_its_inputs(stage);
  remove_tree(scratch_.result_path(stage.key));  // of another stage of the same key

  OneStage shown(display, stage.id);
  const RunOutcome outcome = execute(plan, scratch_, shown, host_, FileDescriptor());
  const StageOutcome& ran = outcome.stages.back();
  out.seconds = ran.seconds;
  if (outcome.code != kExitOk) {
    out.outcome = outcome.code == kExitResumable ? StageVerification::Outcome::stopped
                                                 : StageVerification::Outcome::failed;
    if (!ran.message.empty()) out.details.push_back(ran.message);
    return out;
  }
  out.by_results = stage.determinism == "none" && has_lasting(before->results);
  if (!out.by_results) compare_outputs(*before, *ran.result, out);
  compare_results(*before, *ran.result, out);
  if (stage.determinism == "none" && !out.by_results &&
      out.outcome == StageVerification::Outcome::differs) {
    out.outcome = StageVerification::Outcome::open;
    out.details.push_back(
        "it promises no bytes and has no results to compare: a result (a number it reports) would "
        "tell");
  }
  return out;
}

// The stage behind those that it takes something of, which stand there with their recorded results;
// without gates and conditions: the recorded result has passed them.
Plan Verification::with_its_inputs(const PlannedStage& stage) const {
  Plan out;
  out.name = plan_.name;
  out.pipeline_file = plan_.pipeline_file;
  out.seed = plan_.seed;
  out.threads = plan_.threads;
  out.memory = plan_.memory;
  out.gpus = plan_.gpus;
  for (const PlannedInput& input : stage.inputs)
    if (out.find(input.from_stage) == nullptr)
      out.stages.push_back(lent(*plan_.find(input.from_stage)));
  out.stages.push_back(stage);
  PlannedStage& last = out.stages.back();
  last.gates.clear();
  last.conditions.clear();
  last.result.reset();
  last.reason = "verifying";
  return out;
}

// A stage as if it needed nothing, with its recorded result and links to what that made.
PlannedStage Verification::lent(const PlannedStage& stage) const {
  auto result = store_.find_result(stage.key);
  if (!result) throw StoreError("the result of stage '" + stage.id + "' is gone or damaged");
  for (const auto& [port, output] : result->outputs) {
    const fs::path there = scratch_.artifact_path(output.digest);
    if (!fs::exists(there))
      fs::create_directory_symlink(store_.artifact_path(output.digest), there);
  }
  PlannedStage out = stage;
  out.inputs.clear();
  out.gates.clear();
  out.conditions.clear();
  out.result = std::make_shared<const StageResult>(std::move(*result));
  return out;
}

void Verification::compare_outputs(const StageResult& before, const StageResult& now,
                                   StageVerification& out) {
  for (const auto& [port, output] : before.outputs) {
    const auto found = now.outputs.find(port);
    if (found == now.outputs.end()) {
      out.details.push_back("output '" + port + "' is gone");
      out.outcome = StageVerification::Outcome::differs;
      continue;
    }
    const Artifact was = store_.artifact(output.digest),
                   is = scratch_.artifact(found->second.digest);
    if (output.digest == found->second.digest) continue;
    out.outcome = StageVerification::Outcome::differs;
    for (const std::string& line : differences(was, store_.artifact_path(output.digest), is,
                                               scratch_.artifact_path(found->second.digest)))
      out.details.push_back(port + ": " + line);
  }
}

void Verification::compare_results(const StageResult& before, const StageResult& now,
                                   StageVerification& out) {
  const double tolerance = out.determinism == "none" ? tolerance_ : 0;
  for (const auto& [name, was] : before.results) {
    if (was.is_volatile) continue;
    const auto found = now.results.find(name);
    if (found != now.results.end() && within(was.value, found->second.value, tolerance)) continue;
    out.outcome = StageVerification::Outcome::differs;
    out.details.push_back("result '" + name + "' is " +
                          (found == now.results.end() ? "gone" : exactly(found->second.value)) +
                          ", before " + exactly(was.value));
  }
}

}  // namespace lehr::runtime
