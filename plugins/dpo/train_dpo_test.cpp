#include "train_dpo.h"

#include <gtest/gtest.h>

#include "lm/stage_workshop_test.h"

namespace lehr::plugins::dpo {
namespace {

struct Workshop : lm::StageWorkshop<TrainDpo> {
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

class TrainDpoWith : public testing::TestWithParam<std::pair<const char*, nlohmann::json>> {};
INSTANTIATE_TEST_SUITE_P(
    All, TrainDpoWith,
    testing::Values(std::pair{"defaults", nlohmann::json::object()},
                    std::pair{"orpo", nlohmann::json{{"loss", "orpo"}}},
                    std::pair{"lora", nlohmann::json{{"lora", {{"rank", 2}}}, {"save", "best"}}},
                    std::pair{"muon", nlohmann::json{{"optimizer", {{"kind", "muon"}}}}}),
    [](const auto& info) { return std::string(info.param.first); });

TEST_P(TrainDpoWith, ResumedInBetweenGivesTheSameBytes) {
  const nlohmann::json with = parameters(GetParam().second);
  Workshop whole, stopped;
  const auto expected = whole.run(with);
  EXPECT_EQ(stopped.run_in_two(with, 3), expected);
  EXPECT_EQ(stopped.weights("model"), whole.weights("model"));
  EXPECT_GT(whole.series("rewards/margins").back(), whole.series("rewards/margins").front());
}

TEST(TrainDpo, RefusesAMarginThatDoesNothing) {
  const auto check = [](const nlohmann::json& given) {
    const text::ValueTree values(given);
    detail::bind<TrainDpo>(values.root())->check();
  };
  EXPECT_NO_THROW(check({{"loss", "simpo"}, {"margin", 1}}));
  EXPECT_THROW(check({{"margin", 1}}), Error);
}

TEST(TrainDpo, EvaluatesOnAsManyTokensAsAskedFor) {
  const auto evaluation = [](nlohmann::json more) {
    more["budget"] = {{"steps", 0}};
    return Workshop().run(parameters(more)).at("eval/logps/chosen");
  };
  const double all = evaluation({});
  EXPECT_EQ(evaluation({{"eval", {{"tokens", 1000}}}}), all);
  EXPECT_NE(evaluation({{"eval", {{"tokens", 1}}}}), all) << "one pair";
}

}  // namespace
}  // namespace lehr::plugins::dpo
