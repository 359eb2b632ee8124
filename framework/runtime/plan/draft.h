// A plan in the making: planned stages beside what the checks still need to know about where things
// were written.
#pragma once

#include <vector>

#include "runtime/config/diagnostics.h"
#include "runtime/config/parameter_binder.h"
#include "runtime/config/pipeline.h"
#include "runtime/plan/plan.h"

namespace lehr::runtime {

struct Draft {
  struct Input {
    std::size_t producer;  // index among the drafts
    Origin origin;         // of the reference
  };
  const StageConfig* config = nullptr;
  const nlohmann::ordered_json* described =
      nullptr;  // null: the stage is not known, which has been reported
  PlannedStage stage;
  std::vector<Input> inputs;  // parallel to stage.inputs
  std::vector<Input> after;   // stages whose results its gates and conditions look at
  std::vector<BoundParameters::Label> labels;  // of inputs, in its parameters
};

// Resolves every `in:` to the output it means and checks ports, types and what parameters say of
// them; resolves the stages that gates and conditions name. connect.cpp
void connect(std::vector<Draft>& drafts, Diagnostics& diagnostics);
// What the pipeline's `outputs` name, and that none goes where another does. Reports mistakes and
// leaves them out. connect.cpp
std::vector<PipelineOutput> resolve_outputs(const std::vector<Draft>& drafts,
                                            const std::vector<OutputConfig>& outputs,
                                            Diagnostics& diagnostics);
// Indices in data-flow order, among equals in file order; cycles are reported and left out.
// order.cpp
std::vector<std::size_t> data_flow_order(const std::vector<Draft>& drafts,
                                         Diagnostics& diagnostics);
// Checks that all ports that bind one symbol agree, as far as can be known now. facets.cpp
void check_facets(const std::vector<Draft>& drafts, const std::vector<std::size_t>& order,
                  Diagnostics& diagnostics);

}  // namespace lehr::runtime
