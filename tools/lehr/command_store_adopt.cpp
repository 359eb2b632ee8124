// lehr store adopt: "the new code gives the same result".
#include <algorithm>
#include <ctime>
#include <iostream>

#include "command_store.h"
#include "runtime/plan/adoption.h"
#include "runtime/plan/planner.h"
#include "runtime/plan/selection.h"

namespace lehr::cli {
namespace {

// In data-flow order, so that adopting one stage makes the inputs of the next known.
std::vector<std::string> in_order(const runtime::Plan& plan,
                                  const std::vector<std::string>& names) {
  const std::vector<bool> named = runtime::stages_named(plan, names);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < plan.stages.size(); ++i)
    if (named[i]) out.push_back(plan.stages[i].id);
  return out;
}

// results: all of the store before anything was adopted.
void adopt(runtime::Plan& plan, const runtime::ArtifactStore& store,
           const std::vector<runtime::StageResult>& results, const std::string& id) {
  runtime::look_up(plan, &store, false);
  const runtime::PlannedStage& stage = *plan.find(id);
  if (stage.state == runtime::StageState::cached) {
    std::cout << id << ": has a result already\n";
    return;
  }
  const auto lock = store.shared_lock();
  const runtime::Adoption adoption = [&] {
    try {
      return runtime::adopt(stage, store, results, std::time(nullptr));
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
  command.option("STAGE", *stages, "Stages; one variant of a matrix is 'dpo@beta=0.1'")
      .required()
      .type_name("NAME");
  command.footer(example("lehr store adopt pipelines/quickstart.yaml tokens base") +
                 "\n\nIt is recorded with the result; `lehr explain` and `lehr store show` tell, "
                 "`lehr verify` checks it.");
  command.run([&options, &exit_code, stages] {
    LoadedPipeline* loaded = load_pipeline(options, exit_code);
    if (!loaded) return;
    const auto artifacts = open_store(options);
    const auto results = artifacts.results();
    for (const std::string& id : in_order(loaded->plan, *stages))
      adopt(loaded->plan, artifacts, results, id);
  });
}

}  // namespace lehr::cli
