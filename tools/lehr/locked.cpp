#include "locked.h"

#include <iostream>

namespace lehr::cli {
namespace {

runtime::LockedPipeline lock_of(const runtime::Plan& plan) try {
  return runtime::read_lock(plan.pipeline_file);
} catch (const runtime::LockError& e) {
  throw CommandError(kUsage, std::string("--locked: ") + e.what());
}

}  // namespace

void add_locked_option(Command command, Options& options) {
  command.flag("--locked", options.locked,
               "Refuse parameters, inputs and plugin versions other than those in lehr.lock");
}

bool accept_lock(const runtime::Plan& plan, const runtime::ArtifactStore* store, int& exit_code) {
  const auto found = runtime::compare(lock_of(plan), plan, store);
  for (const std::string& line : found.reported)
    std::cerr << "lehr: other code or machine than locked: " << line << "\n";
  for (const std::string& line : found.refused)
    std::cerr << "lehr: not as locked: " << line << "\n";
  if (found.refused.empty()) return true;
  std::cerr << "lehr: " << runtime::lock_path(plan.pipeline_file).string()
            << " does not allow this. Take the change back; or run without --locked, then `lehr "
               "lock "
            << plan.pipeline_file.string() << "`\n";
  exit_code = kConfigInvalid;
  return false;
}

bool outputs_as_locked(const runtime::Plan& plan, const runtime::RunOutcome& outcome) {
  const auto locked = lock_of(plan);
  bool same = true;
  for (const auto& stage : outcome.stages) {
    if (!stage.result) continue;
    for (const std::string& line : runtime::compare_outputs(locked, stage.id, *stage.result)) {
      std::cerr << "lehr: not as locked: " << line << "\n";
      same = false;
    }
  }
  return same;
}

}  // namespace lehr::cli
