// `outputs: {final: dpo}`: an artifact where its user wants it, as a plain folder (or a link into
// the store) that an earlier run's gives way to at once. Only what we have made ourselves is ever
// replaced: a link to an artifact, or a copy that still holds exactly what its artifact.json says
// and has not been written to since.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/run/executor.h"
#include "runtime/run/run_journal.h"
#include "runtime/store/store.h"

namespace lehr::runtime {

// Why the folder may not be replaced, "holds 'notes.txt', which Lehr did not put there"; empty: it
// may, or there is nothing.
std::string why_not_ours(const std::filesystem::path& folder);

// False: it was there already, as it should be. Throws StoreError, also where the store's content
// is damaged; IoError.
bool put_output(const ArtifactStore& store, const std::string& digest,
                const std::filesystem::path& folder, bool link);

// All that the plan hands out, as far as the run has it; each is told, and each that stays as an
// earlier run left it because its stage is not wanted now. False: one could not be put.
bool put_outputs(const Plan& plan, const std::vector<StageOutcome>& outcomes,
                 const ArtifactStore& store, RunJournal& journal);

}  // namespace lehr::runtime
