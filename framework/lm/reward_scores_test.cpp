#include "lm/reward_scores.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/preference_feed.h"
#include "lm/safetensors.h"

namespace lehr::lm {
namespace {

constexpr int64_t kHeads = 3;

// One pair: a prompt with two answers.
Packed pair() {
  Packed row;
  append(row, Sequence{{{1, 2, 3}, {}}, {{{4, 5}, {}}, {{6}, {}}}}, 0);
  return row;
}

Model ensemble(const text::Tokenizer& tokenizer) {
  return Model::create(byte_model(tokenizer, 64), 1, Precision::kFp32).with_score_head(3, kHeads);
}

TEST(RewardHeads, TheScoreIsTheMeanOfHeadsThatStartApart) {
  const Model model = ensemble(byte_tokenizer());
  const BranchScores found = branch_scores(model, pair());
  ASSERT_EQ(found.heads.size(), size_t{kHeads});
  EXPECT_TRUE(found.scores.equal(at::stack(found.heads).mean(0)));
  EXPECT_FALSE(found.heads[0].equal(found.heads[1]));
  EXPECT_THROW(model.head(), std::logic_error) << "which of them?";
  const Model one = model.with_score_head(3);
  EXPECT_TRUE(branch_scores(one, pair()).scores.equal(found.heads[0])) << "drawn as before";
}

TEST(RewardHeads, EachHasAGradientOfItsOwn) {
  Model model = ensemble(byte_tokenizer());
  model.make_trainable();
  model.backward(branch_scores(model, pair()).heads[1].sum());
  const at::Tensor gradient = model.gradient("score.weight");
  for (int64_t k = 0; k < kHeads; ++k)
    EXPECT_EQ(gradient[k].count_nonzero().item<int64_t>() > 0, k == 1) << k;
}

TEST(RewardHeads, AFolderHoldsTheirMean) {
  const text::Tokenizer tokenizer = byte_tokenizer();
  for (const bool adapted : {false, true}) {
    Model model = ensemble(tokenizer);
    if (adapted) {
      LoraOptions lora;
      lora.rank = 2;
      model.add_adapter(lora, 4);
    }
    const lehr_context place;
    save_model_folder(place.root, model, tokenizer);
    const Model saved = Model::load(place.root, Precision::kFp32);
    EXPECT_EQ(saved.config().score_heads, 1);
    EXPECT_TRUE(
        branch_scores(saved, pair()).scores.allclose(branch_scores(model, pair()).scores, 1e-5));
    if (!adapted) continue;
    const SafetensorsFile adapter(place.root / "adapter/adapter_model.safetensors");
    EXPECT_EQ(adapter.at("base_model.model.score.weight").shape[0], 1);
  }
}

TEST(RewardHeads, AreReadAsTheyWereWritten) {
  const lehr_context place;
  EXPECT_FALSE(read_reward_heads(place.root)) << "a model with one head";
  const at::Tensor weights = ensemble(byte_tokenizer()).parameter("score.weight");
  write_reward_heads(place.root, {weights, {{1, 2}, {3, 4}, {5, 6}}}, {7, 8});
  const auto heads = read_reward_heads(place.root);
  ASSERT_TRUE(heads);
  EXPECT_TRUE(heads->weights.equal(weights));
  EXPECT_EQ(heads->scales.at(2).deviation, 6);
  EXPECT_EQ(read_reward_scale(place.root).mean, 7);

  at::Tensor damaged = weights.clone();
  damaged[1][2] = std::numeric_limits<float>::quiet_NaN();
  write_reward_heads(place.root, {damaged, {{1, 2}, {3, 4}, {5, 6}}}, {7, 8});
  try {
    read_reward_heads(place.root);
    FAIL() << "a head is not finite";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("heads.safetensors: tensor 'score.weight' holds"),
              std::string::npos);
  }
  write_reward_heads(place.root, {weights, {{1, 2}, {3, 4}, {5, 6}}}, {7, 8});

  std::ofstream(place.root / "reward.json") << R"({"mean":0,"std":1,"heads":[{"mean":0,"std":1}]})";
  try {
    read_reward_heads(place.root);
    FAIL() << "two heads have no scale";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("each of the 3 heads"), std::string::npos);
  }
}

}  // namespace
}  // namespace lehr::lm
