#include "metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

namespace lehr::plugins::ppo {
namespace {

// Four answers of 2, 1, 3 and 2 tokens in two groups; the second scores the same twice.
ScoredAnswers sampled() {
  const std::vector<lm::GenerationRequest> requests = {{{1}, 0}, {{1}, 1}, {{2}, 2}, {{2}, 3}};
  const std::vector<lm::Generation> answers = {{{10, 11}, {-1, -1}, true},
                                               {{12}, {-1}, true},
                                               {{13, 14, 15}, {-1, -1, -1}, false},
                                               {{16, 17}, {-1, -1}, true}};
  return {make_rollouts(requests, answers, 2, 100), {3, 1, 2, 2}, 3, {3, 1, 3, 2}};
}

std::map<std::string, double> told(const std::string& algorithm) {
  PpoOptions options;
  options.algorithm = algorithm;
  options.num_generations = 2;
  const ScoredAnswers answers = sampled();
  const TokenScores old{std::vector<float>(8, -1.5f), std::vector<float>(8, 0.0f), {}};
  Objective found;
  found.score = 2;
  found.kl = 0.5;
  UpdateTally tally;
  tally.tokens = 16;
  tally.kl = 4;
  tally.ratios = algorithm == "rloo" ? 8 : 16;
  tally.clipped = 2;
  const auto list = iteration_metrics(options, answers, found, old, tally, 0.1);
  return {list.begin(), list.end()};
}

TEST(IterationMetrics, ThoseOfGroupsByHand) {
  auto grpo = told("grpo"), rloo = told("rloo");
  EXPECT_EQ(grpo.at("reward"), 2);
  EXPECT_NEAR(grpo.at("reward_std"), std::sqrt(2.0 / 3), 1e-12);  // 1, -1, 0, 0
  EXPECT_EQ(grpo.at("frac_reward_zero_std"), 0.5);
  EXPECT_EQ(grpo.at("completions/mean_length"), 2);
  EXPECT_EQ(grpo.at("completions/clipped_ratio"), 0.25);
  EXPECT_EQ(grpo.at("kl"), 4.0 / 16) << "in the loss of each update";
  EXPECT_EQ(rloo.at("kl"), 0.5 * 4 / 8) << "of the answers, per token";
  EXPECT_EQ(grpo.at("clip_ratio/region_mean"), 2.0 / 16);
  EXPECT_EQ(rloo.at("clip_ratio/region_mean"), 2.0 / 8) << "answers";
  EXPECT_EQ(grpo.at("sampling/logp_difference"), 0.5);
  EXPECT_EQ(grpo.at("objective/token_entropy"), 0);
  EXPECT_GT(grpo.at("objective/length_correlation"), 0.5);
  EXPECT_FALSE(grpo.contains("loss/value_avg") || rloo.contains("val/clipfrac_avg"));
  const auto ppo = told("ppo");
  EXPECT_TRUE(ppo.contains("loss/value_avg") && ppo.contains("val/clipfrac_avg"));
  EXPECT_FALSE(ppo.contains("reward_std"));
  EXPECT_EQ(ppo.size(), 19u);
  EXPECT_EQ(ppo.at("sampling/answer_tokens"), (8.0 - 3) / 4) << "without ends of turns";
}

TEST(IterationMetrics, EachOfSeveralRewards) {
  ScoredAnswers answers = sampled();
  answers.parts = {{"exact_answer", {1, 0, 0, 1}}, {"length", {1, 1, 1, 1}}};
  PpoOptions options;
  const TokenScores old{std::vector<float>(8, -1.5f), std::vector<float>(8, 0.0f), {}};
  const auto list = iteration_metrics(options, answers, {}, old, {}, 0.1);
  std::map<std::string, double> told(list.begin(), list.end());
  EXPECT_EQ(told.at("rewards/exact_answer/mean"), 0.5);
  EXPECT_NEAR(told.at("rewards/exact_answer/std"), std::sqrt(1.0 / 3), 1e-12);
  EXPECT_EQ(told.at("rewards/length/mean"), 1);
  EXPECT_EQ(told.at("rewards/length/std"), 0);
}

TEST(IterationMetrics, TheShareOfGroupsThatTeachNothing) {
  const std::vector<double> scores = {3, 1, 2, 2, 0, 0, 1, 1};
  EXPECT_EQ(level_share(scores, 2), 0.75);
  EXPECT_EQ(level_share(scores, 8), 0);
  EXPECT_EQ(level_share(std::vector<double>(8, 0.5), 4), 1);
  EXPECT_TRUE(level_warning(8, 4).starts_with("in all 2 groups (frac_reward_zero_std 1) the 4 "));
  EXPECT_TRUE(level_warning(8, 8).starts_with("all 8 answers score the same"));
}

}  // namespace
}  // namespace lehr::plugins::ppo
