// A reward model as it is used: the scale of its scores, and the heads of an ensemble.
#pragma once

#include <filesystem>
#include <vector>

#include "lm/model.h"
#include "lm/reward_scores.h"

namespace lehr::lm {

struct Judge {
  Model model;
  RewardScale scale = {};                     // mean 0 and deviation 1: scores stay as they are
  std::vector<LinearHead> heads = {};         // of an ensemble, on the model's trunk; else none
  std::vector<RewardScale> head_scales = {};  // of each
};
// normalized: scores shall be on reward.json's scale. Throws std::runtime_error naming the file at
// fault.
Judge load_judge(const std::filesystem::path& folder, Precision precision, bool normalized);

}  // namespace lehr::lm
