// Which part of a plan a run may touch: `--only`, `--from`, `--until`, `--force`. Decided once, in
// the plan: `lehr plan` prints it, `lehr run` does it.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/plan/plan.h"

namespace lehr::runtime {

// Names are those of the pipeline; of a stage with a matrix, of all its variants or some
// (stage_name.h). Empty lists ask for nothing: then every stage is selected.
struct Selection {
  std::vector<std::string> only;   // these and no others; goes with neither of the next two
  std::vector<std::string> from;   // these and all that needs them
  std::vector<std::string> until;  // these and all that they need; with `from`: what lies between
  bool force_all = false;          // run every selected stage although its result is there
  std::vector<std::string> force;  // the same for these
};

// What was asked for cannot be done; the message says what to ask for instead.
struct SelectionError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The stages called so, marked (stage_name.h). `option`, if any, is for the message. Throws
// SelectionError: there is none.
std::vector<bool> stages_named(const Plan& plan, const std::vector<std::string>& names,
                               const std::string& option = "");

// Marks the selected and the forced stages. Before look_up. Throws SelectionError.
void select(Plan& plan, const Selection& selection);

// After every stage's state is known: leaves alone what is not selected, except for stored results
// that selected stages need. Throws SelectionError if one of those is missing. Part of look_up.
void settle_selection(Plan& plan);

}  // namespace lehr::runtime
