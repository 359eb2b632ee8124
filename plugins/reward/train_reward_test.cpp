#include "train_reward.h"

#include <gtest/gtest.h>

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
       {nlohmann::json::object(), nlohmann::json{{"lora", {{"rank", 2}}}, {"save", "best"}}}) {
    const nlohmann::json with = parameters(more);
    Workshop whole, stopped;
    const auto expected = whole.run(with);
    EXPECT_EQ(stopped.run_in_two(with, 3), expected) << more;
    EXPECT_EQ(stopped.weights("reward_model"), whole.weights("reward_model")) << more;
    EXPECT_LT(whole.series("loss").back(), whole.series("loss").front()) << more;
    EXPECT_EQ(stopped.series("num_tokens").back(), whole.series("num_tokens").back()) << more;
  }
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

}  // namespace
}  // namespace lehr::plugins::reward
