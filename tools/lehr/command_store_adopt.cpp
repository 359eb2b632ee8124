// lehr store adopt: "the new code gives the same result".
#include <algorithm>
#include <ctime>
#include <iostream>

#include "command_store.h"
#include "runtime/config/suggestion.h"
#include "runtime/plan/adoption.h"
#include "runtime/plan/planner.h"

namespace lehr::cli {
namespace {

// In data-flow order, so that adopting one stage makes the inputs of the next known.
std::vector<std::string> in_order(const runtime::Plan& plan,
                                  const std::vector<std::string>& names) {
  std::vector<std::string> known, out;
  for (const auto& stage : plan.stages) known.push_back(stage.id);
  for (const std::string& name : names)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw CommandError(
          kUsage, "the pipeline has no stage '" + name + "'." + runtime::suggestion(name, known));
  for (const std::string& id : known)
    if (std::find(names.begin(), names.end(), id) != names.end()) out.push_back(id);
  return out;
}

void adopt(runtime::Plan& plan, const runtime::ArtifactStore& store, const std::string& id) {
  runtime::look_up(plan, &store);
  const runtime::PlannedStage& stage = *plan.find(id);
  if (stage.state == runtime::StageState::cached) {
    std::cout << id << ": has a result already\n";
    return;
  }
  const auto lock = store.shared_lock();
  const runtime::Adoption adoption = [&] {
    try {
      return runtime::adopt(stage, store, std::time(nullptr));
    } catch (const runtime::AdoptionRefused& e) {
      throw CommandError(kStageFailed, "stage '" + id + "' cannot be adopted: " + e.what());
    }
  }();
  store.write_result(adoption.result);
  std::cout << id << ": adopted the result of run " << adoption.result.run << ", in spite of\n";
  for (const auto& difference : adoption.accepted) std::cout << "  " << text(difference) << "\n";
}

}  // namespace

void add_store_adopt(Command store, Options& options, int& exit_code) {
  Command command = store.add(
      "adopt",
      "Say that new code or libraries give what a stage gave before; refused if more differs");
  add_pipeline_options(command, options);
  auto stages = std::make_shared<std::vector<std::string>>();
  command.option("STAGE", *stages, "Stages; with a matrix 'dpo@beta=0.1'")
      .required()
      .type_name("NAME");
  command.footer(example("lehr store adopt pipelines/quickstart.yaml tokens base") +
                 "\n\nIt is recorded with the result; `lehr explain` and `lehr store show` tell, "
                 "`lehr verify` checks it.");
  command.run([&options, &exit_code, stages] {
    LoadedPipeline* loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    const auto artifacts = open_store(options);
    for (const std::string& id : in_order(loaded->plan, *stages))
      adopt(loaded->plan, artifacts, id);
  });
}

}  // namespace lehr::cli
