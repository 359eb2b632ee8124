// The end of a stage: its outputs become artifacts, then its result file appears. What is about to
// happen is written down first (work/<key>/intent.json), so that a host killed in between is
// finished by the next one, not repeated.
#pragma once

#include "runtime/store/store.h"
#include "stage_context.h"

namespace lehr::host {

// Describes, publishes and records; removes the work folder's outputs. `seconds`: how long the
// stage took. Throws StoreError, IoError.
void publish_outputs(lehr_context& context, const runtime::ArtifactStore& store, double seconds);

// Finishes a publication that was cut short. False: there was none, or its files are gone or
// damaged.
bool finish_earlier_publication(const runtime::ArtifactStore& store, const std::string& key);

}  // namespace lehr::host
