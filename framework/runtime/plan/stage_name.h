// Names of stages: "dpo", or with a matrix "dpo@beta=0.1,seed=2" for each variant.
#pragma once

#include <string_view>

namespace lehr::runtime {

// "dpo" of "dpo@beta=0.1,seed=2".
std::string_view base_name(std::string_view id);

// Whether a user who says `name` means the stage, among others: by its id, by what all variants are
// called, or by some of what the variant is ("dpo@seed=2").
bool means_stage(std::string_view name, std::string_view id);

}  // namespace lehr::runtime
