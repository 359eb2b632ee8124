// Pipeline + plugins -> Plan. Checks everything that can be known before anything runs: stages,
// parameters, connections, artifact types, facets. Linear in the size of the pipeline. Runs no
// plugin code.
#pragma once

#include "runtime/config/diagnostics.h"
#include "runtime/config/pipeline.h"
#include "runtime/plan/input_content.h"
#include "runtime/plan/plan.h"
#include "runtime/plugin/plugin_registry.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

// Types, connects and orders the stages; their static key parts are not filled in. All mistakes go
// to `diagnostics`; the plan is to be used only if there are none. The registry must outlive the
// plan.
Plan make_plan(const Pipeline& pipeline, const PluginRegistry& registry, Diagnostics& diagnostics);

// What a look-up leaves to those who go on with the plan.
struct LookedUp {
  FileDescriptor lock;      // while it is held, what was found stays in the store
  ContentDigests contents;  // of the files it read: for the store, if that is only made now
};

// Fills in static key parts (reads input files and libraries), then looks every stage up in the
// store: state, reason, keys, digests and results. `store`: null if there is none yet. Throws
// IoError; SelectionError if what is selected (selection.h) needs what is neither selected nor
// stored. with_reasons: without, every result of the store need not be read for them.
LookedUp look_up(Plan& plan, const ArtifactStore* store, bool with_reasons = true);

}  // namespace lehr::runtime
