#include "rollouts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lm/reward_scores.h"
#include "lm/small_model.h"

namespace lehr::plugins::ppo {
namespace {

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
  const Rollouts rollouts = make_rollouts(requests(), answers(), 1, 8);
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
  const Rollouts rollouts = make_rollouts(requests(), answers(), 1, 8);
  const std::vector<std::uint64_t> order = {3, 0, 4, 2, 1};
  const auto rows = minibatches(rollouts, order, 2, 1000);
  ASSERT_EQ(rows[0].size(), 1u);
  std::vector<std::int32_t> first, second;
  for (const auto& owner : rows[0][0].packed.owners) first.push_back(owner.sequence);
  for (const auto& owner : rows[1][0].packed.owners) second.push_back(owner.sequence);
  EXPECT_EQ(first, (std::vector<std::int32_t>{3, 0}));
  EXPECT_EQ(second, (std::vector<std::int32_t>{4, 2, 1}));
}

lm::Model small_model() { return lm::Model::create(lm::small_config(), 1, lm::Precision::kFp32); }

TEST(Rollouts, PassesOverTheSameRowsGiveTheSameBits) {
  const lm::Model model = small_model();
  const Rollouts rollouts = make_rollouts(requests(), answers(), 1, 8);
  const std::vector<std::uint64_t> order = {3, 0, 4, 2, 1};
  const auto rows = minibatches(rollouts, order, 2, 8);
  const auto first = token_scores(model, rows, 9, 0.7), again = token_scores(model, rows, 9, 0.7);
  EXPECT_EQ(first.logprobs, again.logprobs);
  EXPECT_LT(first.logprobs[0], 0);
  EXPECT_GT(first.entropies[8], 0);
}

// Two groups of three answers, of 6 and 5 tokens.
std::vector<lm::GenerationRequest> grouped_requests() {
  return {{{1, 2, 3}, 0}, {{1, 2, 3}, 1}, {{1, 2, 3}, 2}, {{4}, 3}, {{4}, 4}, {{4}, 5}};
}

std::vector<lm::Generation> grouped_answers() {
  return {{{10, 11}, {-0.1f, -0.2f}, true},
          {{12}, {-0.3f}, true},
          {{13, 14, 15}, {-0.4f, -0.5f, -0.6f}, false},
          {{16}, {-0.7f}, true},
          {{17, 18}, {-0.8f, -0.9f}, true},
          {{19, 20}, {-1.0f, -1.1f}, true}};
}

TEST(Rollouts, AGroupSharesThePromptAsFarAsARowHoldsIt) {
  const Rollouts rollouts = make_rollouts(grouped_requests(), grouped_answers(), 3, 7);
  ASSERT_EQ(rollouts.groups(), 2u);
  ASSERT_EQ(rollouts.answers(), 6u);
  // 3 + 2 + 1 tokens; 3 + 3, which no longer fit; 1 + 1 + 2 + 2.
  ASSERT_EQ(rollouts.sequences.size(), 3u);
  EXPECT_EQ(rollouts.sequences[0].tokens(), 6);
  EXPECT_EQ(rollouts.sequences[1].tokens(), 6);
  EXPECT_EQ(rollouts.sequences[2].tokens(), 6);
  EXPECT_EQ(rollouts.first_sequences, (std::vector<std::size_t>{0, 2, 3}));

  const std::vector<std::uint64_t> order = {1, 0};
  const auto rows = minibatches(rollouts, order, 2, 7);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].size(), 1u) << "the second group";
  EXPECT_EQ(rows[1].size(), 2u) << "both parts of the first one, in one minibatch";
  std::vector<int> seen(rollouts.tokens());
  for (const auto& minibatch : rows)
    for (const RolloutRow& row : minibatch)
      for (std::size_t i = 0; i < row.flat.size(); ++i) {
        const lm::LossEntry& entry = row.packed.batch.loss_entries[i];
        ++seen[static_cast<std::size_t>(row.flat[i])];
        EXPECT_EQ(entry.target, 10 + row.flat[i]);
        const auto answer = static_cast<std::size_t>(row.answers[i]);
        const std::int64_t first = row.firsts[answer];
        EXPECT_LE(first, row.flat[i]);
        const auto span = std::find_if(rollouts.spans.begin(), rollouts.spans.end(),
                                       [&](const lm::AnswerSpan& s) { return s.begin == first; });
        ASSERT_NE(span, rollouts.spans.end());
        EXPECT_LT(row.flat[i], span->end);
      }
  EXPECT_EQ(seen, std::vector<int>(rollouts.tokens(), 1));
}

// What is shared changes no answer: within the rounding of float32.
TEST(Rollouts, ASharedPromptGivesWhatAPromptForEachAnswerGives) {
  const lm::Model model = small_model(), judge = model.with_score_head(3);
  const Rollouts shared = make_rollouts(grouped_requests(), grouped_answers(), 3, 100);
  const Rollouts alone = make_rollouts(grouped_requests(), grouped_answers(), 1, 100);
  EXPECT_EQ(shared.sequences.size(), 2u);
  EXPECT_EQ(alone.sequences.size(), 6u);
  const auto a = token_scores(model, whole(shared, 100), shared.tokens(), 0.7);
  const auto b = token_scores(model, whole(alone, 100), alone.tokens(), 0.7);
  const auto u = token_values(judge, whole(shared, 100), shared.tokens());
  const auto v = token_values(judge, whole(alone, 100), alone.tokens());
  for (std::size_t t = 0; t < shared.tokens(); ++t) {
    EXPECT_NEAR(a.logprobs[t], b.logprobs[t], 1e-5);
    EXPECT_NEAR(u[t], v[t], 1e-5);
  }
  const std::vector<lm::LinearHead> heads = {judge.head(), model.with_score_head(5).head()};
  const auto found = answer_scores(judge, heads, shared, 100);
  const auto& scores = found.scores;
  EXPECT_EQ(found.heads[0], scores);
  EXPECT_NE(found.heads[1], scores);
  std::vector<std::vector<std::int32_t>> texts;
  for (const lm::Sequence& sequence : alone.sequences) texts.push_back(sequence.trunk.ids);
  const auto expected = lm::score_sequences(judge, texts, 100);
  ASSERT_EQ(scores.size(), expected.size());
  for (std::size_t i = 0; i < scores.size(); ++i) EXPECT_NEAR(scores[i], expected[i], 1e-5);
  EXPECT_EQ(answer_scores(judge, {}, alone, 100).scores, expected)
      << "the same rows, so the same bits";
}

}  // namespace
}  // namespace lehr::plugins::ppo
