#include "lm/train_options.h"

#include <gtest/gtest.h>

namespace lehr::lm {
namespace {

std::string refusal(const TrainOptions& options) {
  try {
    check(options);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(TrainOptions, MuonHasNothingToStepBesideAnAdapter) {
  TrainOptions options;
  options.optimizer.kind = "muon";
  EXPECT_EQ(refusal(options), "");
  options.lora.rank = 4;
  EXPECT_TRUE(refusal(options).starts_with("optimizer.kind: ")) << refusal(options);
  options.optimizer.kind = "adamw";
  EXPECT_EQ(refusal(options), "");
}

TEST(TrainOptions, AnAdapterNeedsARank) {
  TrainOptions options;
  options.lora.targets = {"q_proj"};
  EXPECT_TRUE(refusal(options).starts_with("lora.rank: ")) << refusal(options);
  options.lora.rank = 4;
  EXPECT_EQ(refusal(options), "");
  options.lora = {};
  options.lora.alpha = 32;
  EXPECT_TRUE(refusal(options).starts_with("lora.rank: ")) << refusal(options);
}

TEST(TrainOptions, PatienceNeedsEvaluationsOnTheWay) {
  TrainOptions options;
  options.patience = 2;
  EXPECT_EQ(refusal(options), "");
  options.eval_every = 0;
  EXPECT_TRUE(refusal(options).starts_with("eval.patience: ")) << refusal(options);
}

}  // namespace
}  // namespace lehr::lm
