#include "objective.h"

#include <gtest/gtest.h>

#include <cmath>

#include "rollouts.h"

namespace lehr::plugins::ppo {
namespace {

// Two answers of two and one tokens, worked by hand with beta 0.5, gamma 1, lambda 0.5.
//   kl        0.2  -0.4 | 1
//   rewards  -0.1   0.2 + 3 | -0.5 - 1
//   values    1     2 | 0.5
//   A_1 = 3.2 - 2 = 1.2        A_0 = (-0.1 + 2 - 1) + 0.5 * 1.2 = 1.5     A_2 = -1.5 - 0.5 = -2
//   returns   2.5   3.2 | -1.5
TEST(Objective, TwoAnswersByHand) {
  const std::vector<float> logprobs = {-1.0f, -1.4f, -1.0f}, reference = {-1.2f, -1.0f, -2.0f};
  const std::vector<float> values = {1, 2, 0.5f};
  const std::vector<lm::AnswerSpan> answers = {{0, 2}, {2, 3}};
  const Objective found = objective(logprobs, reference, values, answers, std::vector{3.0, -1.0},
                                    0.5, {lm::KlEstimator::k1, 1, 0.5});
  EXPECT_NEAR(found.returns[0], 2.5, 1e-6);
  EXPECT_NEAR(found.returns[1], 3.2, 1e-6);
  EXPECT_NEAR(found.returns[2], -1.5, 1e-6);
  EXPECT_NEAR(found.kl, (0.2 - 0.4 + 1) / 2, 1e-6);
  EXPECT_NEAR(found.non_score_reward, -0.2, 1e-6);
  EXPECT_NEAR(found.score, 1, 1e-12);
  const double mean = (1.5 + 1.2 - 2) / 3;
  double squares = 0;
  for (const double a : {1.5, 1.2, -2.0}) squares += (a - mean) * (a - mean);
  const double deviation = std::sqrt(squares / 2 + 1e-8);
  EXPECT_NEAR(found.advantages[0], (1.5 - mean) / deviation, 1e-6);
  EXPECT_NEAR(found.advantages[1], (1.2 - mean) / deviation, 1e-6);
  EXPECT_NEAR(found.advantages[2], (-2 - mean) / deviation, 1e-6);
}

std::vector<lm::GenerationRequest> requests() {
  return {{{1, 2, 3}, 0}, {{4}, 1}, {{5, 6}, 2}, {{7, 8}, 3}, {{9}, 4}};
}

std::vector<lm::Generation> answers() {
  return {{{10, 11}, {-0.1f, -0.2f}, true},
          {{12}, {-0.3f}, true},
          {{13, 14, 15}, {-0.4f, -0.5f, -0.6f}, false},
          {{16}, {-0.7f}, true},
          {{17, 18}, {-0.8f, -0.9f}, true}};
}

TEST(Rollouts, EveryTokenOfAnAnswerIsATargetAndNothingElseIs) {
  const Rollouts rollouts = make_rollouts(requests(), answers());
  ASSERT_EQ(rollouts.tokens(), 9u);
  const std::vector<std::uint64_t> order = {3, 0, 4, 2, 1};
  const auto rows = minibatches(rollouts, order, 2, 8);
  ASSERT_EQ(rows.size(), 2u);
  std::vector<int> seen(9);
  const std::vector<std::int32_t> flat_targets = {10, 11, 12, 13, 14, 15, 16, 17, 18};
  for (const auto& minibatch : rows)
    for (const RolloutRow& row : minibatch) {
      EXPECT_LE(row.packed.batch.size(), 8);
      const auto& entries = row.packed.batch.loss_entries;
      ASSERT_EQ(row.flat.size(), entries.size());
      for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto t = static_cast<std::size_t>(row.flat[i]);
        ++seen[t];
        EXPECT_EQ(entries[i].target, flat_targets[t]);
        // The row that predicts a token holds the token before it.
        EXPECT_EQ(row.packed.batch.ids[static_cast<std::size_t>(entries[i].row) + 1],
                  flat_targets[t]);
        EXPECT_EQ(row.rows[i], entries[i].row);
      }
    }
  EXPECT_EQ(seen, std::vector<int>(9, 1));
}

TEST(Rollouts, MinibatchesHoldEachAnswerOnceInTheGivenOrder) {
  const Rollouts rollouts = make_rollouts(requests(), answers());
  const std::vector<std::uint64_t> order = {3, 0, 4, 2, 1};
  const auto rows = minibatches(rollouts, order, 2, 1000);
  ASSERT_EQ(rows[0].size(), 1u);
  std::vector<std::int32_t> first, second;
  for (const auto& owner : rows[0][0].packed.owners) first.push_back(owner.sequence);
  for (const auto& owner : rows[1][0].packed.owners) second.push_back(owner.sequence);
  EXPECT_EQ(first, (std::vector<std::int32_t>{3, 0}));
  EXPECT_EQ(second, (std::vector<std::int32_t>{4, 2, 1}));
}

TEST(Rollouts, PassesOverTheSameRowsGiveTheSameBits) {
  lm::ModelConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.layers = 2;
  config.heads = config.kv_heads = 4;
  config.head_dim = 8;
  config.vocab_size = 50;
  const lm::Model model = lm::Model::create(config, 1, lm::Precision::kFp32);
  const Rollouts rollouts = make_rollouts(requests(), answers());
  const std::vector<std::uint64_t> order = {3, 0, 4, 2, 1};
  const auto rows = minibatches(rollouts, order, 2, 8);
  const auto first = token_scores(model, rows, 9, 0.7), again = token_scores(model, rows, 9, 0.7);
  EXPECT_EQ(first.logprobs, again.logprobs);
  EXPECT_LT(first.logprobs[0], 0);
  EXPECT_GT(first.entropies[8], 0);
}

}  // namespace
}  // namespace lehr::plugins::ppo
