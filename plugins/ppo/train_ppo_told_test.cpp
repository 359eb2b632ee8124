// What the stage says of a run: to be read, in metrics, in warnings.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "ppo_workshop_test.h"

namespace lehr::plugins::ppo {
namespace {

class TrainPpoTold : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, TrainPpoTold, testing::Values("ppo", kShared, "grpo", "rloo"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(TrainPpoTold, OnceThatScoresWithoutASpreadTeachNothing) {
  nlohmann::json with = parameters(GetParam(), 3);
  with["rewards"] = nlohmann::json::array({{{"name", "acme.brevity"}, {"weight", 0.5}}});
  with["reward_weight"] = 0;
  Workshop shop;
  shop.host.reward = [](const lehr_exchange&) { return 1.0; };
  EXPECT_EQ(shop.run(with).at("iterations_without_spread"), 3);
  const auto warned = [](const Workshop& of) {
    return std::ranges::count_if(of.host.messages, [](const std::string& text) {
      return text.find("score the same, so that they teach nothing") != std::string::npos;
    });
  };
  EXPECT_EQ(warned(shop), 1);
  Workshop stopped;
  stopped.host.reward = shop.host.reward;
  EXPECT_EQ(stopped.run_in_two(with, 2).at("iterations_without_spread"), 3);
  EXPECT_EQ(warned(stopped), 1);

  int scored = 0;
  Workshop spread;
  spread.host.reward = [&](const lehr_exchange&) { return ++scored % 2; };
  EXPECT_FALSE(spread.run(with).contains("iterations_without_spread"));
  EXPECT_EQ(warned(spread), 0);
}

TEST(TrainPpoTells, OfEachRewardAndShowsAnswers) {
  nlohmann::json with = parameters("grpo", 2);
  with["rewards"] = {{{"name", "acme.brevity"}, {"weight", 0.5}},
                     {{"name", "acme.form"}, {"weight", 0.1}},
                     {{"name", "acme.form"}, {"weight", 0.2}}};
  Workshop shop;
  shop.host.reward = [](const lehr_exchange&) { return 0.25; };
  shop.run(with);
  EXPECT_EQ(shop.series("rewards/brevity/mean"), (std::vector<double>{0.25, 0.25}));
  EXPECT_EQ(shop.series("rewards/form[1]/std"), (std::vector<double>{0, 0}));
  EXPECT_EQ(shop.series("rewards/form[2]/mean").size(), 2u);
  EXPECT_EQ(shop.series("rewards/reward_model/mean").size(), 2u);
  EXPECT_TRUE(shop.told("step 1: \"Who?\" -> \"")) << "of a held-out prompt";
  EXPECT_TRUE(shop.told("brevity 0.25, form[1] 0.25, form[2] 0.25)"));
}

TEST(TrainPpoTells, WhatIsAnsweredWhereNothingIsHeldOut) {
  Workshop shop;
  std::ofstream(shop.host.root / "prompts/eval-00000.jsonl");
  shop.run(parameters("ppo", 1));
  EXPECT_TRUE(shop.told("step 0: \""));
}

TEST(TrainPpoTells, ThatAWeightOfZeroCountsNothing) {
  const auto refusal = [](const nlohmann::json& with) -> std::string {
    const text::ValueTree values(with);
    try {
      detail::bind<TrainPpo>(values.root())->check();
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  const nlohmann::json half = {{"name", "acme.brevity"}, {"weight", 0.5}};
  const nlohmann::json none = {{"name", "acme.form"}, {"weight", 0.0}};
  EXPECT_TRUE(refusal({{"rewards", {half, none}}}).starts_with("rewards[1].weight: "));
  EXPECT_TRUE(refusal({{"reward_weight", 0.0}}).starts_with("reward_weight: "));
  EXPECT_EQ(refusal({{"reward_weight", 0.0}, {"rewards", nlohmann::json::array({half})}}), "");
}

TEST(TrainPpoTells, WhatItIsAboutToDoAndWhatTheContextLimits) {
  Workshop shop, wide;
  nlohmann::json with = parameters("grpo", 1);
  shop.run(with);
  EXPECT_TRUE(shop.told("2 prompts; 1 iteration of 16 answers, 8 to a prompt, 4 updates each, "));
  EXPECT_FALSE(shop.told("above the model's context"));
  with["max_new_tokens"] = 1000;
  with["loss_type"] = "dr_grpo";
  wide.run(with);
  EXPECT_TRUE(
      wide.told("max_new_tokens: 1000 is above the model's context: a prompt and its answer"
                " end at 64 tokens, and dr_grpo's loss"));
}

}  // namespace
}  // namespace lehr::plugins::ppo
