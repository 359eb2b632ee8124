#include "pair_logprobs.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "lm/operators.h"
#include "lm/safetensors.h"
#include "lm/sequence_file.h"
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

TEST(PairLogprobs, ApartTheyAreTheSameSums) {
  const lm::Model model = small_model();
  lm::Packed row;
  for (const std::int32_t number : {0, 1}) append(row, pair(7 * number), number);
  const at::NoGradGuard no_gradients;
  const RowLogprobs together = row_logprobs(model, row), apart = logprobs_apart(model, row);
  EXPECT_EQ(apart.pairs, together.pairs);
  for (std::int64_t p = 0; p < 2; ++p)
    for (std::int64_t side = 0; side < 2; ++side)
      EXPECT_NEAR(apart.sums[p][side].item<double>(), together.sums[p][side].item<double>(), 1e-4);
}

TEST(PairLogprobs, ReferenceComesBackFromItsFile) {
  const auto rows_of = [](std::int64_t pairs) {
    lm::SequenceFile file(testing::TempDir());
    file.add(pair(0), pairs);
    return PairRows{64, {"chosen", "rejected"}, {{std::move(file), {}}}};
  };
  PairRows rows = rows_of(2), again = rows_of(2), others = rows_of(3);
  rows.train.reference = {std::vector<float>{-1, -2}, std::vector<float>{-3, -4}};
  const auto file = std::filesystem::path(testing::TempDir()) / "reference.safetensors";
  save_reference(file, rows);
  load_reference(file, again);
  EXPECT_EQ(again.train.reference, rows.train.reference);
  EXPECT_EQ(lm::SafetensorsFile(file).at("eval.rejected").bytes, 0u);
  EXPECT_THROW(load_reference(file, others), std::runtime_error);
}

}  // namespace
}  // namespace lehr::plugins::dpo
