// What the heads of an ensemble say of good answers.
#pragma once

#include <cstdint>
#include <vector>

#include "lm/reward_scores.h"

namespace lehr::plugins::reward {

class HeadTally {
 public:
  explicit HeadTally(std::int64_t heads) : scores_(static_cast<std::size_t>(heads)) {}
  // What the heads say of chosen answers; of other branches nothing is kept.
  void add(const lm::BranchScores& found);

  std::vector<lm::RewardScale> scales() const;  // [heads], of these answers
  double disagreement() const { return lm::disagreement(scales(), scores_); }

 private:
  std::vector<std::vector<double>> scores_;  // [heads][answers]
};

}  // namespace lehr::plugins::reward
