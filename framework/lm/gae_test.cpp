#include "lm/gae.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lehr::lm {
namespace {

TEST(Gae, PutsTheScoreOnTheLastTokenOfEachAnswer) {
  const std::vector<AnswerSpan> answers = {{0, 2}, {2, 5}};
  const auto rewards =
      token_rewards(std::vector{0.1, 0.2, 0.3, 0.4, 0.5}, answers, std::vector{2.0, -1.0}, 0.5);
  const std::vector<double> expected = {-0.05, -0.1 + 2, -0.15, -0.2, -0.25 - 1};
  for (size_t t = 0; t < expected.size(); ++t) EXPECT_DOUBLE_EQ(rewards[t], expected[t]) << t;
}

// Worked by hand with gamma 0.9, lambda 0.8 (gamma lambda = 0.72):
//   delta_2 = 1 - 0.2               = 0.8     A_2 = 0.8
//   delta_1 = 0 + 0.9*0.2 - 0.4     = -0.22   A_1 = -0.22 + 0.72*0.8    = 0.356
//   delta_0 = -0.1 + 0.9*0.4 - 0.5  = -0.24   A_0 = -0.24 + 0.72*0.356  = 0.01632
TEST(Gae, FollowsTheRecursionByHand) {
  const std::vector<AnswerSpan> answers = {{0, 3}};
  const auto out = generalized_advantages(std::vector{-0.1, 0.0, 1.0}, std::vector{0.5, 0.4, 0.2},
                                          answers, 0.9, 0.8);
  EXPECT_NEAR(out.advantages[0], 0.01632, 1e-12);
  EXPECT_NEAR(out.advantages[1], 0.356, 1e-12);
  EXPECT_NEAR(out.advantages[2], 0.8, 1e-12);
  EXPECT_NEAR(out.returns[0], 0.51632, 1e-12);
  EXPECT_NEAR(out.returns[1], 0.756, 1e-12);
  EXPECT_NEAR(out.returns[2], 1.0, 1e-12);
}

TEST(Gae, NothingFlowsFromOneAnswerIntoAnother) {
  const std::vector<double> rewards = {0.1, 1, 0.3, 100}, values = {0.5, 0.4, 7, 9};
  const std::vector<AnswerSpan> first = {{0, 2}}, both = {{0, 2}, {2, 4}};
  const auto alone = generalized_advantages(rewards, values, first, 1, 0.95);
  const auto together = generalized_advantages(rewards, values, both, 1, 0.95);
  EXPECT_EQ(alone.advantages[0], together.advantages[0]);
  EXPECT_EQ(alone.advantages[1], together.advantages[1]);
}

// With gamma = lambda = 1 the return is the sum of what is still to come, whatever the values.
TEST(Gae, WithoutDiscountReturnsAreSumsOfRewards) {
  const std::vector<AnswerSpan> answers = {{0, 4}};
  const auto out = generalized_advantages(std::vector{1.0, 2.0, 3.0, 4.0},
                                          std::vector{0.3, -5.0, 2.0, 8.0}, answers, 1, 1);
  const std::vector<double> expected = {10, 9, 7, 4};
  for (size_t t = 0; t < 4; ++t) EXPECT_NEAR(out.returns[t], expected[t], 1e-12);
}

TEST(Gae, WhiteningCentresAndUsesBesselsCorrection) {
  std::vector<double> a = {1, 2, 3, 6};  // mean 3, variance (4+1+0+9)/3 = 14/3
  whiten(a);
  const double deviation = std::sqrt(14.0 / 3 + 1e-8);
  EXPECT_NEAR(a[0], -2 / deviation, 1e-12);
  EXPECT_NEAR(a[3], 3 / deviation, 1e-12);
  EXPECT_NEAR(a[0] + a[1] + a[2] + a[3], 0, 1e-12);
  std::vector<double> one = {5};
  whiten(one);
  EXPECT_EQ(one[0], 0);
}

}  // namespace
}  // namespace lehr::lm
