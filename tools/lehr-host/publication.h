// The end of a stage: its outputs are described, become artifacts, and its result file appears.
#pragma once

#include "runtime/store/store.h"
#include "stage_context.h"

namespace lehr::host {

// `seconds`: how long the stage took. Throws StoreError, IoError.
void publish_outputs(lehr_context& context, const runtime::ArtifactStore& store, double seconds);

}  // namespace lehr::host
