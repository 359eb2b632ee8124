#include "advantages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "objective.h"

namespace lehr::plugins::ppo {
namespace {

// Two answers of two and one tokens, worked by hand with beta 0.5, gamma 1, lambda 0.5.
//   kl        0.2  -0.4 | 1
//   rewards  -0.1   0.2 + 3 | -0.5 - 1
//   values    1     2 | 0.5
//   A_1 = 3.2 - 2 = 1.2        A_0 = (-0.1 + 2 - 1) + 0.5 * 1.2 = 1.5     A_2 = -1.5 - 0.5 = -2
//   returns   2.5   3.2 | -1.5
TEST(Advantages, OfACriticTwoAnswersByHand) {
  const std::vector<float> logprobs = {-1.0f, -1.4f, -1.0f}, reference = {-1.2f, -1.0f, -2.0f};
  const std::vector<float> values = {1, 2, 0.5f};
  const std::vector<lm::AnswerSpan> answers = {{0, 2}, {2, 3}};
  const std::vector<double> scores = {3, -1};
  PpoOptions options;
  options.lambda = 0.5;
  const Objective worth = objective(logprobs, reference, scores, 0.5, options.estimator());
  EXPECT_NEAR(worth.kl, (0.2 - 0.4 + 1) / 2, 1e-6);
  EXPECT_NEAR(worth.non_score_reward, -0.2, 1e-6);
  EXPECT_NEAR(worth.score, 1, 1e-12);
  const Advantages found = advantages(options, worth.token_kl, values, answers, scores, 0.5);
  EXPECT_NEAR(found.returns[0], 2.5, 1e-6);
  EXPECT_NEAR(found.returns[1], 3.2, 1e-6);
  EXPECT_NEAR(found.returns[2], -1.5, 1e-6);
  const double mean = (1.5 + 1.2 - 2) / 3;
  double squares = 0;
  for (const double a : {1.5, 1.2, -2.0}) squares += (a - mean) * (a - mean);
  const double deviation = std::sqrt(squares / 2 + 1e-8);
  EXPECT_NEAR(found.advantages[0], (1.5 - mean) / deviation, 1e-6);
  EXPECT_NEAR(found.advantages[1], (1.2 - mean) / deviation, 1e-6);
  EXPECT_NEAR(found.advantages[2], (-2 - mean) / deviation, 1e-6);
}

// Rewards 1, 2, 6: mean 3, variance (4 + 1 + 9) / 2 = 7. The second group learns nothing.
TEST(Advantages, OfAGroupAreItsMeanAndDeviation) {
  const std::vector<double> rewards = {1, 2, 6, 5, 5, 5}, above = {-2, -1, 3, 0, 0, 0};
  // Over all: mean 4, variance (9 + 4 + 4 + 1 + 1 + 1) / 5 = 4.
  const std::pair<const char*, double> scales[] = {
      {"group", std::sqrt(7.0) + 1e-4}, {"batch", 2 + 1e-4}, {"none", 1}};
  for (const auto& [scale, unit] : scales) {
    const auto found = relative_to_groups(rewards, 3, scale);
    ASSERT_EQ(found.size(), 6u);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(found[i], above[i] / unit, 1e-12) << scale;
  }
}

// 1 - (2 + 6) / 2, 2 - (1 + 6) / 2, 6 - (1 + 2) / 2.
TEST(Advantages, OfTheOthersLeaveTheAnswerItselfOut) {
  const auto found = leave_one_out(std::vector<double>{1, 2, 6, 5, 5, 5}, 3);
  const std::vector<double> expected = {-3, -1.5, 4.5, 0, 0, 0};
  ASSERT_EQ(found.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(found[i], expected[i], 1e-12);
}

// Two answers of two and one tokens, beta 0.5: the KL of 0.2 - 0.4 and of 1 is RLOO's to pay from
// the rewards 3 and -1, which become 3.1 and -1.5; GRPO's is in its loss.
TEST(Advantages, WithoutACriticAllTokensOfAnAnswerHaveItsAdvantage) {
  const std::vector<double> kl = {0.2, -0.4, 1}, scores = {3, -1};
  const std::vector<lm::AnswerSpan> answers = {{0, 2}, {2, 3}};
  PpoOptions options;
  options.num_generations = 2;
  options.algorithm = "rloo";
  Advantages found = advantages(options, kl, {}, answers, scores, 0.5);
  EXPECT_TRUE(found.returns.empty());
  ASSERT_EQ(found.advantages.size(), 3u);
  EXPECT_NEAR(found.advantages[0], 4.6, 1e-6);
  EXPECT_EQ(found.advantages[1], found.advantages[0]);
  EXPECT_NEAR(found.advantages[2], -4.6, 1e-6);
  options.algorithm = "grpo";
  found = advantages(options, kl, {}, answers, scores, 0.5);
  const double deviation = std::sqrt(8.0) + 1e-4;
  EXPECT_NEAR(found.advantages[0], 2 / deviation, 1e-6);
  EXPECT_EQ(found.advantages[1], found.advantages[0]);
  EXPECT_NEAR(found.advantages[2], -2 / deviation, 1e-6);
}

}  // namespace
}  // namespace lehr::plugins::ppo
