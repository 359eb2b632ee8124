#include "pair_logprobs.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "lm/operators.h"
#include "lm/small_model.h"

namespace lehr::plugins::dpo {
namespace {

lm::Model small_model() { return lm::Model::create(lm::small_config(), 1, lm::Precision::kFp32); }

// Prompt of three tokens; answers of two and four, of which the second answer's first token is not
// trained.
lm::Sequence pair(std::int32_t shift) {
  return {{{1, 2 + shift, 3}, {}},
          {{{4, 5 + shift}, {1, 1}}, {{6, 7, 8 + shift, 9}, {0, 1, 1, 1}}}};
}

// ln p of the tokens of one answer, by running prompt and answer alone.
double alone(const lm::Model& model, const lm::Sequence& sequence, std::size_t branch) {
  lm::Sequence flat{sequence.trunk, {}};
  flat.trunk.weights.assign(flat.trunk.ids.size(), 0);
  const lm::Branch& answer = sequence.branches[branch];
  flat.trunk.ids.insert(flat.trunk.ids.end(), answer.ids.begin(), answer.ids.end());
  flat.trunk.weights.insert(flat.trunk.weights.end(), answer.weights.begin(), answer.weights.end());
  lm::Packed row;
  append(row, flat, 0);
  const at::NoGradGuard no_gradients;
  return lm::token_logprobs(model.forward_hidden(row.batch), model.head(), row.batch.loss_entries)
      .logprobs.sum()
      .item<double>();
}

TEST(PairLogprobs, SharingThePromptGivesWhatEachAnswerGivesAlone) {
  const lm::Model model = small_model();
  const std::vector<lm::Sequence> pairs = {pair(0), pair(10)};
  lm::Packed row;
  append(row, pairs[1], 1);
  append(row, pairs[0], 0);
  const at::NoGradGuard no_gradients;
  const RowLogprobs found = row_logprobs(model, row);
  EXPECT_EQ(found.pairs, (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(found.tokens, (std::vector<float>{2, 3, 2, 3}));
  for (std::int64_t p = 0; p < 2; ++p)
    for (std::int64_t side = 0; side < 2; ++side)
      EXPECT_NEAR(found.sums[p][side].item<double>(),
                  alone(model, pairs[found.pairs[static_cast<std::size_t>(p)]],
                        static_cast<std::size_t>(side)),
                  1e-4);
}

TEST(PairLogprobs, ReferenceComesBackFromItsFile) {
  const lm::Model model = small_model();
  lm::Packed row;
  append(row, pair(0), 0);
  append(row, pair(10), 1);
  ReferenceLogprobs train(2), none;
  train.compute(model, row);
  const auto file = std::filesystem::path(testing::TempDir()) / "reference.safetensors";
  save_reference(file, train, none);
  ReferenceLogprobs train_again, none_again;
  load_reference(file, 2, 0, train_again, none_again);
  EXPECT_EQ(train_again.chosen, train.chosen);
  EXPECT_EQ(train_again.rejected, train.rejected);
  EXPECT_TRUE(none_again.chosen.empty());
  EXPECT_LT(train.chosen[0], 0);
  EXPECT_THROW(load_reference(file, 3, 0, train_again, none_again), std::runtime_error);
}

}  // namespace
}  // namespace lehr::plugins::dpo
