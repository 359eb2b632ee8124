#include "head_tally.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lm/preference_feed.h"

namespace lehr::plugins::reward {
namespace {

// One row of two pairs, as three heads see its answers: chosen, rejected, chosen, rejected.
lm::BranchScores row(const std::vector<std::vector<float>>& heads) {
  lm::BranchScores out;
  for (const auto& head : heads) out.heads.push_back(at::tensor(head));
  for (const int pair : {0, 1})
    for (const int branch : {lm::kChosen, lm::kRejected}) out.owners.push_back({pair, branch});
  return out;
}

TEST(HeadTally, HeadsThatDifferInScaleAloneAgree) {
  HeadTally tally(3);
  tally.add(row({{1, 9, 2, 9}, {10, 0, 20, 0}, {-5, 1, -3, 1}}));
  EXPECT_NEAR(tally.disagreement(), 0, 1e-12);
  EXPECT_NEAR(tally.scales()[1].mean, 15, 1e-12);
}

// On their scales two heads say -a, a and a third one a, -a with a = 1/sqrt(2) of either answer.
TEST(HeadTally, DisagreementByHand) {
  HeadTally tally(3);
  tally.add(row({{1, 9, 2, 9}, {10, 0, 20, 0}, {-3, 1, -5, 1}}));
  const double a = 1 / std::sqrt(2), mean = a / 3;
  EXPECT_NEAR(tally.disagreement(),
              std::sqrt((2 * std::pow(a - mean, 2) + std::pow(a + mean, 2)) / 2), 1e-12);
}

}  // namespace
}  // namespace lehr::plugins::reward
