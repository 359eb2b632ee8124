// What plugins say about a plan before anything runs: their rules across parameters and about what
// is connected, and estimates.
// Asked only of those whose manifest offers it, only for stages that are not cached; what one tells
// of its outputs goes to the estimates of the stages that take them (PlannedOutput::facts). Answers
// are kept in the store's cache by code, parameters, inputs and the content of files, so that the
// same plan asks once.
#pragma once

#include <filesystem>

#include "runtime/config/diagnostics.h"
#include "runtime/plan/plan.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

enum class Advice {
  rules,  // and the estimates that are kept already, as from a `lehr plan` before
  rules_and_estimates,
};

// The plan has been looked up. Refusals go to `diagnostics` at the place of what they are about
// (see Stage::check), estimates into the plan. store: null if there is none yet; then nothing is
// kept. True: what went to `diagnostics` is a plugin that could not be asked (it does not load,
// crashed, hung). Throws IoError.
bool take_advice(Plan& plan, Advice wanted, const ArtifactStore* store,
                 const std::filesystem::path& host, Diagnostics& diagnostics);

}  // namespace lehr::runtime
