#include "lm/train_options.h"

#include <gtest/gtest.h>

#include "lm/fake_host.h"

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
  EXPECT_TRUE(refusal(options).starts_with("lora.targets: ")) << refusal(options);
  options.lora.rank = 4;
  EXPECT_EQ(refusal(options), "");
  options.lora.targets.push_back("query");
  EXPECT_TRUE(refusal(options).starts_with("lora.targets[1]: ")) << refusal(options);
  options.lora = {};
  options.lora.alpha = 32;
  EXPECT_TRUE(refusal(options).starts_with("lora.alpha: ")) << refusal(options);
}

TEST(TrainOptions, DropoutBelongsToAnAdapterThatSeesSomething) {
  TrainOptions options;
  options.lora.dropout = 0.05;
  EXPECT_TRUE(refusal(options).starts_with("lora.dropout: ")) << refusal(options);
  options.lora.rank = 4;
  EXPECT_EQ(refusal(options), "");
  EXPECT_THROW(check_no_dropout(options.lora), Error);
  options.lora.dropout = 1;
  EXPECT_TRUE(refusal(options).starts_with("lora.dropout: ")) << refusal(options);
  options.lora.dropout = 0;
  EXPECT_NO_THROW(check_no_dropout(options.lora));
}

TEST(TrainOptions, PatienceNeedsEvaluationsOnTheWay) {
  TrainOptions options;
  options.patience = 2;
  EXPECT_EQ(refusal(options), "");
  options.eval_every = 0;
  EXPECT_TRUE(refusal(options).starts_with("eval.patience: ")) << refusal(options);
}

TEST(TrainOptions, TheBestNeedsEvaluationsOnTheWay) {
  TrainOptions options;
  options.save = "best";
  EXPECT_EQ(refusal(options), "");
  options.eval_every = 0;
  EXPECT_TRUE(refusal(options).starts_with("save: ")) << refusal(options);
}

TEST(TrainOptions, AnAdapterHasToCount) {
  TrainOptions options;
  options.lora.rank = 4;
  options.lora.alpha = 0;
  EXPECT_TRUE(refusal(options).starts_with("lora.alpha: ")) << refusal(options);
}

TEST(TrainOptions, ARateOfZeroIsRefused) {
  TrainOptions options;
  options.schedule.learning_rate = 0;
  EXPECT_TRUE(refusal(options).starts_with("learning_rate: ")) << refusal(options);
}

TEST(TrainOptions, AMeanThatTakesNothingInIsRefused) {
  for (double OptimizerOptions::*mean :
       {&OptimizerOptions::beta1, &OptimizerOptions::beta2, &OptimizerOptions::momentum}) {
    TrainOptions options;
    options.optimizer.kind = "muon";
    options.optimizer.*mean = 0.999;
    EXPECT_EQ(refusal(options), "");
    options.optimizer.*mean = 1;
    EXPECT_NE(refusal(options).find(": at 1 nothing"), std::string::npos) << refusal(options);
  }
}

TEST(TrainOptions, WhatTheKindDoesNotReadIsRefused) {
  TrainOptions options;
  options.optimizer.momentum = 0.5;
  EXPECT_TRUE(refusal(options).starts_with("optimizer.momentum: ")) << refusal(options);
  options.optimizer.kind = "muon";
  EXPECT_EQ(refusal(options), "");
  options.schedule.decay = 0.5;
  EXPECT_TRUE(refusal(options).starts_with("schedule.decay: ")) << refusal(options);
  options.schedule.kind = "wsd";
  EXPECT_EQ(refusal(options), "");
  options = {};
  options.schedule.final = 0.1;
  EXPECT_EQ(refusal(options), "");
  options.schedule.kind = "constant";
  EXPECT_TRUE(refusal(options).starts_with("schedule.final: ")) << refusal(options);
}

TEST(TrainOptions, AMaxLengthAboveTheContextIsTold) {
  lehr_context host;
  Context context(&host, fake_host());
  ModelConfig config;
  config.max_position_embeddings = 64;
  EXPECT_EQ(longest_example(context, std::nullopt, config), 64);
  EXPECT_EQ(longest_example(context, 32, config), 32);
  EXPECT_EQ(longest_example(context, 64, config), 64);
  EXPECT_TRUE(host.messages.empty());
  EXPECT_EQ(longest_example(context, 65, config), 64);
  ASSERT_EQ(host.messages.size(), 1u);
  EXPECT_EQ(host.messages[0],
            "max_length: 65 is above the model's context: the limit is 64 tokens");
}

}  // namespace
}  // namespace lehr::lm
