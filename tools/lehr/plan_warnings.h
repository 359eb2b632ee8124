// What `lehr plan` warns of: what will go wrong, or is most likely not meant, though nothing
// forbids it.
#pragma once

#include <string>

#include "runtime/plan/plan.h"
#include "runtime/store/store.h"

namespace lehr::cli {

// A line each. store: null if there is none yet. By what stored results, the stages' own estimates
// and this machine say.
std::string plan_warnings(const runtime::Plan& plan, const runtime::ArtifactStore* store);

}  // namespace lehr::cli
