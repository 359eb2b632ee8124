// The whole tree of a pipeline: its file, merged over what it `extends`, with `--set` on top. Not
// yet interpolated.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/config/diagnostics.h"
#include "runtime/config/node.h"

namespace lehr::runtime {

// `sets`: "stages.dpo.with.beta=0.2"; the value is read as YAML, list elements are named by number
// ("stages.clean.with.steps.0.length.min"). Null if there is nothing to go on with. Throws nothing;
// all mistakes go to `diagnostics`.
NodePtr load_config_tree(const std::filesystem::path& file, const std::vector<std::string>& sets,
                         Diagnostics& diagnostics);

}  // namespace lehr::runtime
