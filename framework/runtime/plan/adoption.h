// "The new code gives the same result": the outputs of an earlier result under a stage's present
// key, after a refactoring or a new library. Only where nothing but code and libraries differ: what
// someone wrote, the inputs and the machine are not a matter of opinion.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/plan/differences.h"
#include "runtime/plan/plan.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

struct Adoption {
  StageResult result;                // to be written: present key, earlier outputs
  std::vector<Difference> accepted;  // code.* and library.* parts
};

// Something else than code differs, or there is nothing to adopt; the message says what.
struct AdoptionRefused : StoreError {
  using StoreError::StoreError;
};

// The stage has been looked up and is not cached. Takes the newest of `results`, all of the store,
// whose outputs are still there. Throws AdoptionRefused.
Adoption adopt(const PlannedStage& stage, const ArtifactStore& store,
               const std::vector<StageResult>& results, std::int64_t unix_time);

}  // namespace lehr::runtime
