// A map that must have exactly one member and has another number: most often because --set put a
// member beside the file's own, as `--set stages.base.with.budget.epochs=3` over {steps: 9}.
#pragma once

#include <string>

#include "runtime/config/diagnostics.h"
#include "runtime/config/node.h"

namespace lehr::runtime {

// expected: "stage 'base': parameter 'budget' expects exactly one of 'steps', 'epochs'".
void report_not_one(const Node& map, const std::string& expected, Diagnostics& diagnostics);

}  // namespace lehr::runtime
