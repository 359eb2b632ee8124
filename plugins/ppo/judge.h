// The reward model that scores answers: the scale of its scores, and the heads of an ensemble.
#pragma once

#include <filesystem>
#include <vector>

#include "lm/model.h"
#include "lm/reward_scores.h"

namespace lehr::plugins::ppo {

struct Judge {
  lm::Model model;
  lm::RewardScale scale = {};                     // mean 0 and deviation 1: scores stay as they are
  std::vector<lm::LinearHead> heads = {};         // of an ensemble, on the model's trunk; else none
  std::vector<lm::RewardScale> head_scales = {};  // of each
};
// normalized: scores shall be on reward.json's scale.
Judge load_judge(const std::filesystem::path& folder, lm::Precision precision, bool normalized);

}  // namespace lehr::plugins::ppo
