#include "train_reward.h"

#include <gtest/gtest.h>

#include "lm/reward_scores.h"
#include "lm/stage_workshop_test.h"

namespace lehr::plugins::reward {
namespace {

struct Workshop : lm::StageWorkshop<TrainReward> {
  Workshop() {
    connect("model", model());
    connect("preferences", lm::preference_rows({{"me", "nobody"}, {"you", "a"}, {"we", "they do"}}),
            lm::preference_rows({{"she", "it"}, {"us", "them"}, {"all", "none of them"}}));
  }
};

nlohmann::json parameters(nlohmann::json more) {
  nlohmann::json all = {{"precision", "fp32"}, {"budget", {{"steps", 6}}}, {"learning_rate", 1e-2}};
  all.update(more);
  return all;
}

TEST(TrainReward, ResumedInBetweenGivesTheSameBytes) {
  for (const nlohmann::json& more :
       {nlohmann::json::object(), nlohmann::json{{"lora", {{"rank", 2}}}, {"save", "best"}},
        nlohmann::json{{"ensemble", 3}},
        nlohmann::json{
            {"ensemble", 2}, {"lora", {{"rank", 2}, {"dropout", 0.1}}}, {"save", "best"}}}) {
    const nlohmann::json with = parameters(more);
    Workshop whole, stopped;
    const auto expected = whole.run(with);
    EXPECT_EQ(stopped.run_in_two(with, 3), expected) << more;
    EXPECT_EQ(stopped.weights("reward_model"), whole.weights("reward_model")) << more;
    EXPECT_LT(whole.series("loss").back(), whole.series("loss").front()) << more;
    EXPECT_EQ(stopped.series("num_tokens").back(), whole.series("num_tokens").back()) << more;
  }
}

// What it writes is a model with one head, which any reader takes: the mean of those beside it.
TEST(TrainReward, AnEnsembleIsWrittenAsItsMeanAndItsHeads) {
  for (const bool adapted : {false, true}) {
    nlohmann::json with = parameters({{"ensemble", 3}});
    if (adapted) with["lora"] = {{"rank", 2}};
    Workshop shop;
    const auto results = shop.run(with);
    const std::filesystem::path folder = shop.host.root / "out/reward_model";
    const lm::Model model = lm::Model::load(folder, lm::Precision::kFp32);
    const auto heads = lm::read_reward_heads(folder);
    ASSERT_TRUE(heads);
    EXPECT_EQ(heads->weights.size(0), 3);
    EXPECT_TRUE(model.parameter("score.weight").equal(heads->weights.mean(0, true)));
    EXPECT_GT(results.at("eval/disagreement"), 0);
    double mean = 0;
    for (const lm::RewardScale& scale : heads->scales) mean += scale.mean / 3;
    EXPECT_NEAR(mean, results.at("chosen_reward_mean"), 1e-6);
  }
}

TEST(TrainReward, OneHeadIsNoEnsemble) {
  Workshop plain, one;
  EXPECT_EQ(one.run(parameters({{"ensemble", 1}})),
            plain.run(parameters(nlohmann::json::object())));
  EXPECT_EQ(one.weights("reward_model"), plain.weights("reward_model"));
  EXPECT_FALSE(std::filesystem::exists(one.host.root / "out/reward_model/heads.safetensors"));
  EXPECT_TRUE(one.series("eval/disagreement").empty());
}

TEST(TrainReward, EvaluatesOnAsManyTokensAsAskedFor) {
  const auto evaluation = [](nlohmann::json more) {
    more["budget"] = {{"steps", 0}};
    return Workshop().run(parameters(more)).at("eval/loss");
  };
  const double all = evaluation({});
  EXPECT_EQ(evaluation({{"eval", {{"tokens", 1000}}}}), all);
  EXPECT_NE(evaluation({{"eval", {{"tokens", 1}}}}), all) << "one pair";
}

TEST(TrainReward, StopsInAnEvaluation) {
  Workshop shop;
  const nlohmann::json with = parameters({{"budget", {{"steps", 0}}}});
  shop.host.cancelled = true;
  EXPECT_THROW(shop.run(with), Cancelled);
  shop.host.cancelled = false;
  EXPECT_EQ(shop.run(with), Workshop().run(with));
}

// With nothing held out, nothing else asks behind the last step.
TEST(TrainReward, StopsInTheLastPassOverTheTrainingPairs) {
  lm::StageWorkshop<TrainReward> whole, stopped;
  for (auto* shop : {&whole, &stopped}) {
    shop->connect("model", shop->model());
    shop->connect("preferences", lm::preference_rows({{"me", "nobody"}, {"you", "a"}}), "");
  }
  const nlohmann::json with = parameters(nlohmann::json::object());
  const auto expected = whole.run(with);
  EXPECT_EQ(stopped.run_in_two(with, 6), expected);
  EXPECT_EQ(stopped.weights("reward_model"), whole.weights("reward_model"));
}

TEST(TrainReward, TellsOfALengthThatLeavesNothingOrThatTheModelHasNot) {
  Workshop nothing, above;
  try {
    nothing.run(parameters({{"max_length", 2}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "the input 'preferences' holds no pair to train on"
                 ": all 3 are longer than 2 tokens");
  }
  above.run(parameters({{"budget", {{"steps", 0}}}, {"max_length", 100000}}));
  EXPECT_TRUE(above.told("3 pairs, ")) << "what is to be done";
  EXPECT_TRUE(above.told(" tokens an epoch; 0 steps, "));
  EXPECT_TRUE(above.told("max_length: 100000 is above the model's context"));
}

}  // namespace
}  // namespace lehr::plugins::reward
