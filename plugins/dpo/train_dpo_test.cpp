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

TEST(TrainDpo, RefusesWhatItsLossDoesNotLookAt) {
  const auto refusal = [](const nlohmann::json& with, const char* port) -> std::string {
    const text::ValueTree values(with);
    Input input;
    input.port = port;
    try {
      detail::bind<TrainDpo>(values.root())->check_inputs({input});
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  for (const char* port : {"reference", "logprobs"}) {
    for (const char* loss : {"simpo", "orpo"})
      EXPECT_TRUE(
          refusal({{"loss", loss}}, port).starts_with(std::string(port) + ": loss '" + loss))
          << refusal({{"loss", loss}}, port);
    EXPECT_EQ(refusal({{"loss", "hinge"}}, port), "");
  }
  EXPECT_EQ(refusal({{"loss", "simpo"}}, "model"), "");
  EXPECT_TRUE(refusal({{"loss", "robust"}}, "model").starts_with("label_smoothing: "));
  EXPECT_EQ(refusal({{"loss", "robust"}, {"label_smoothing", 0.1}}, "model"), "");
  EXPECT_TRUE(refusal({{"loss", "simpo"}, {"label_smoothing", 0.1}}, "model")
                  .starts_with("label_smoothing: "));
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

// Rows of one pair each: the three to train on, then the three held out.
TEST(TrainDpo, GoesOnInTheMiddleOfTheReferencesPass) {
  const nlohmann::json with =
      parameters({{"batch_tokens", 32}, {"micro_batch_tokens", 16}, {"checkpoint_steps", 1}});
  Workshop whole;
  const auto expected = whole.run(with);
  for (const int pairs : {2, 5}) {
    Workshop stopped;
    EXPECT_EQ(stopped.run_in_two(with, pairs, "pairs"), expected) << pairs;
    EXPECT_EQ(stopped.weights("model"), whole.weights("model")) << pairs;
    EXPECT_TRUE(stopped.told("go on at pair " + std::to_string(pairs) + " of 6")) << pairs;
  }
  Workshop killed;  // what is done after the second state is lost
  killed.host.commits_left = 2;
  killed.host.cancel_after = 4;
  EXPECT_THROW(killed.run(with), Cancelled);
  killed.host.commits_left = killed.host.cancel_after = -1;
  killed.host.cancelled = false;
  EXPECT_EQ(killed.run(with), expected);
  EXPECT_EQ(killed.weights("model"), whole.weights("model"));
  EXPECT_TRUE(killed.told("go on at pair 2 of 6"));
}

TEST(TrainDpo, KeepsTheReferencesPassWhenAskedToStop) {
  const nlohmann::json with = parameters({{"batch_tokens", 32}, {"micro_batch_tokens", 16}});
  Workshop stopped;
  stopped.run_in_two(with, 3, "pairs");
  EXPECT_TRUE(stopped.told("go on at pair 3 of 6")) << "though no checkpoint was due";
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

TEST(TrainDpo, StopsInAnEvaluation) {
  Workshop shop;
  const nlohmann::json with = parameters({{"budget", {{"steps", 0}}}, {"loss", "orpo"}});
  shop.host.cancelled = true;
  EXPECT_THROW(shop.run(with), Cancelled);
  shop.host.cancelled = false;
  EXPECT_EQ(shop.run(with), Workshop().run(with));
}

TEST(TrainDpo, TheOnlyUpdateTeaches) {
  Workshop given, learnt;
  const nlohmann::json one = {{"batch_tokens", 4096}, {"schedule", {{"warmup", 0.03}}}};
  nlohmann::json with = parameters(one);
  with.erase("budget");
  learnt.run(with);
  EXPECT_TRUE(learnt.told("3 pairs, ")) << "what is to be done";
  EXPECT_TRUE(learnt.told(" in answers; 1 step, "));
  with["budget"] = {{"steps", 0}};
  given.run(with);
  EXPECT_NE(learnt.weights("model"), given.weights("model"));
}

TEST(TrainDpo, TellsOfALengthThatLeavesNothingOrThatTheModelHasNot) {
  Workshop nothing, above;
  try {
    nothing.run(parameters({{"max_length", 2}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "the input 'preferences' holds no pair to train on"
                 ": of 3, nothing of an answer is left in the first 2 tokens");
  }
  above.run(parameters({{"budget", {{"steps", 0}}}, {"max_length", 100000}}));
  EXPECT_TRUE(above.told("max_length: 100000 is above the model's context"));
}

}  // namespace
}  // namespace lehr::plugins::dpo
