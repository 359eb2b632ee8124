// The table that an evaluation brings, table.txt, under the name of its stage.
#pragma once

#include <string>

#include "runtime/store/store.h"

namespace lehr::cli {

constexpr const char* kEvaluation = "evaluation";  // the type of artifacts that may have one

// "\nexam\n...", or empty: the artifact is no evaluation, has no table or is no longer there.
std::string evaluation_table(const runtime::ArtifactStore& store, const std::string& stage,
                             const std::string& digest);

}  // namespace lehr::cli
