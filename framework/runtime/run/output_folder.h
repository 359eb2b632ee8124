// `outputs: {final: dpo}`: an artifact where its user wants it, as a plain folder (or a link into
// the store) that an earlier run's gives way to at once. Only what we have made ourselves is ever
// replaced: a link to an artifact, or a copy that still holds exactly what its artifact.json says
// and has not been written to since.
#pragma once

#include <filesystem>
#include <string>

#include "runtime/store/store.h"

namespace lehr::runtime {

// Why the folder may not be replaced, "holds 'notes.txt', which Lehr did not put there"; empty: it
// may, or there is nothing.
std::string why_not_ours(const std::filesystem::path& folder);

// False: it was there already, as it should be. Throws StoreError, IoError.
bool put_output(const ArtifactStore& store, const std::string& digest,
                const std::filesystem::path& folder, bool link);

}  // namespace lehr::runtime
