#include "train_ppo.h"

#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include "lm/reward_scores.h"
#include "lm/safetensors.h"
#include "ppo_workshop_test.h"

namespace lehr::plugins::ppo {
namespace {

class TrainPpoBy : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, TrainPpoBy, testing::Values("ppo", kShared, "grpo", "rloo"),
                         [](const auto& info) { return std::string(info.param); });

// A killed host's stage goes on behind the last iteration where only its results are missing.
TEST_P(TrainPpoBy, ResumedBehindTheLastIterationGivesTheSameResults) {
  Workshop shop;
  const auto whole = shop.run(parameters(GetParam(), 2));
  EXPECT_NE(whole.at("objective/kl"), 0);
  EXPECT_EQ(shop.run(parameters(GetParam(), 2)), whole);
}

TEST_P(TrainPpoBy, ResumedInBetweenGivesTheSameBytes) {
  nlohmann::json with = parameters(GetParam(), 4);
  with["kl_target"] = 0.1;
  with["kl_horizon"] = 20;
  Workshop whole, stopped;
  const auto expected = whole.run(with);
  EXPECT_EQ(stopped.run_in_two(with, 2), expected);
  EXPECT_EQ(stopped.weights("model"), whole.weights("model"));
}

TEST_P(TrainPpoBy, StopsWhereverItAsksAndGoesOnWithTheSameBytes) {
  nlohmann::json with = parameters(GetParam(), 3);
  with["save"] = "best";
  Workshop whole;
  const auto expected = whole.run(with);
  const std::int64_t asked = whole.host.asked;
  ASSERT_GT(asked, 3 * 16 * 2) << "at every token of the answers, which have two or more";
  for (std::int64_t asks = 0; asks < asked; asks += asked / 5) {
    Workshop stopped;
    stopped.host.asks_left = asks;
    EXPECT_THROW(stopped.run(with), Cancelled) << asks;
    stopped.host.cancelled = false;
    EXPECT_EQ(stopped.run(with), expected) << asks;
    EXPECT_EQ(stopped.weights("model"), whole.weights("model")) << asks;
  }
}

TEST(TrainPpo, StoppedBeforeAnUpdateItKeepsTheIterationsBefore) {
  nlohmann::json with = parameters("ppo", 3);
  with["eval"] = {{"every", 0}};
  with["checkpoint_every"] = 3600;
  with["rewards"] = nlohmann::json::array({{{"name", "acme.brevity"}, {"weight", 0.5}}});
  Workshop shop;
  int scored = 0;
  shop.host.reward = [&](const lehr_exchange&) {
    shop.host.cancelled = ++scored > 2 * 16;  // in the third iteration
    return 0.0;
  };
  EXPECT_THROW(shop.run(with), Cancelled);
  EXPECT_EQ(shop.host.latest, "step-2");
}

TEST(TrainPpo, StopsInAnEvaluation) {
  Workshop shop;
  const nlohmann::json with = parameters("ppo", 0);
  shop.run(with);
  const std::int64_t asked = shop.host.asked;
  EXPECT_GT(asked, 4 + 2 + 3) << "4 questions, 2 answers of tokens, 3 passes over a row";
  for (std::int64_t asks = 0; asks < asked; ++asks) {
    shop.host.asks_left = asks;
    EXPECT_THROW(shop.run(with), Cancelled) << asks;
    shop.host.cancelled = false;
  }
}

// Runs whose every iteration is evaluated, so that all but the broken one may go out.
nlohmann::json watched(const std::string& variant, const nlohmann::json& stop_if) {
  nlohmann::json with = parameters(variant, 6);
  with["eval"] = {{"every", 1}};
  with["stop_if"] = stop_if;
  return with;
}

TEST_P(TrainPpoBy, LimitsThatHoldChangeNothing) {
  Workshop plain, watching;
  const auto expected = plain.run(watched(GetParam(), nlohmann::json::object()));
  const nlohmann::json wide = {
      {"kl_above", 1e6}, {"entropy_below", 0}, {"length_correlation_above", 1}};
  EXPECT_EQ(watching.run(watched(GetParam(), wide)), expected);
  EXPECT_EQ(watching.weights("model"), plain.weights("model"));
  EXPECT_EQ(watching.host.lasting_metrics(), plain.host.lasting_metrics());
}

// The first iteration with a KL above all before, and not the one behind the start, whose KL is 0.
std::size_t first_peak(const std::vector<double>& kl) {
  std::size_t at = 2;
  while (at < kl.size() && kl[at] <= *std::max_element(kl.begin(), kl.begin() + at)) ++at;
  return at;
}

TEST_P(TrainPpoBy, WhereALimitBreaksTheBestWeightsFromBeforeGoOut) {
  Workshop plain;
  plain.run(watched(GetParam(), nlohmann::json::object()));
  const std::vector<double> kl = plain.series("objective/kl");
  const std::size_t at = first_peak(kl);
  ASSERT_LT(at, kl.size());
  const double limit = (kl[at] + *std::max_element(kl.begin(), kl.begin() + at)) / 2;
  const auto rewards = plain.series("eval/reward");
  const auto best = std::max_element(rewards.begin(), rewards.begin() + at);

  for (const int every : {1, 4}) {  // the broken iteration has an evaluation, or is behind one
    nlohmann::json with = watched(GetParam(), {{"kl_above", limit}});
    with["eval"]["every"] = every;
    Workshop shop;
    const auto results = shop.run(with);
    EXPECT_EQ(results.at("stopped_by_kl"), 1);
    EXPECT_EQ(results.at("steps"), at);
    EXPECT_EQ(results.at("objective/kl"), kl[at]);
    EXPECT_TRUE(shop.told("the weights go back to those of step"));
    EXPECT_EQ(shop.series("objective/kl").back(), kl[at]) << "for the report";
    EXPECT_EQ(results.at("best_step"), every == 1 ? best - rewards.begin() : at > 4 ? 4 : 0);
    EXPECT_EQ(results.at("eval/reward"), rewards[results.at("best_step")]);
    // What it wrote scores just that.
    Workshop again;
    lm::save_model_folder(again.host.root / "policy",
                          lm::Model::load(shop.host.root / "out/model", lm::Precision::kFp32),
                          again.tokenizer);
    EXPECT_EQ(again.run(parameters(GetParam(), 0)).at("eval/reward"), results.at("eval/reward"));

    if (every != 1) continue;
    const std::string weights = shop.weights("model");
    EXPECT_EQ(shop.run(with), results) << "killed before the results were published";
    EXPECT_EQ(shop.weights("model"), weights);
    Workshop stopped;
    EXPECT_EQ(stopped.run_in_two(with, static_cast<int>(at)), results);
    EXPECT_EQ(stopped.weights("model"), weights);
  }
}

TEST(TrainPpo, TheLastWeightsAreHeldToTheLimitsToo) {
  Workshop plain, shop;
  plain.run(watched("ppo", nlohmann::json::object()));
  const std::vector<double> kl = plain.series("objective/kl");
  const double most = *std::max_element(kl.begin(), kl.end());
  const auto results = shop.run(watched("ppo", {{"kl_above", most}}));
  ASSERT_TRUE(results.contains("stopped_by_kl")) << "it strays on and on";
  EXPECT_EQ(results.at("steps"), 6);
  EXPECT_LT(results.at("best_step"), 6);
  EXPECT_GT(results.at("objective/kl"), most);
}

TEST(TrainPpo, APolicyThatBreaksALimitFromTheStartStaysAsItIs) {
  Workshop shop;
  const auto results = shop.run(watched("ppo", {{"entropy_below", 1000}}));
  EXPECT_EQ(results.at("stopped_by_entropy"), 1);
  EXPECT_EQ(results.at("steps"), 0);
  EXPECT_FALSE(results.contains("eval/reward"));
  EXPECT_TRUE(shop.told("there is no evaluation from before to go back to"));
}

// An ensemble whose mean is the model beside it: it scores alike, and tells how sure it is.
TEST(TrainPpo, HeadsOfTheJudgeTellHowFarTheyLieApart) {
  Workshop plain, shop;
  const auto folder = shop.host.root / "reward";
  const at::Tensor mean = lm::Model::load(folder, lm::Precision::kFp32).parameter("score.weight");
  const at::Tensor apart = shop.model().with_score_head(9).parameter("score.weight");
  lm::write_reward_heads(folder, {at::cat({mean + apart, mean - apart}), {{0, 1}, {0, 2}}}, {});
  const auto results = shop.run(parameters("ppo", 2));
  EXPECT_EQ(plain.run(parameters("ppo", 2)), results);
  EXPECT_EQ(plain.weights("model"), shop.weights("model"));
  EXPECT_TRUE(plain.series("objective/disagreement").empty());
  const auto seen = shop.series("objective/disagreement");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_GT(seen[0], 0);

  Workshop watching;
  lm::write_reward_heads(watching.host.root / "reward",
                         {at::cat({mean + apart, mean - apart}), {{0, 1}, {0, 2}}}, {});
  const auto stopped = watching.run(watched("ppo", {{"disagreement_above", seen[0] * 0.9}}));
  EXPECT_EQ(stopped.at("stopped_by_disagreement"), 1);
  try {
    plain.run(watched("ppo", {{"disagreement_above", 1}}));
    FAIL() << "one head cannot disagree";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'ensemble: 4'"), std::string::npos) << error.what();
  }
}

TEST(TrainPpo, WantsARewardModelOrRewardsBeforeAnyIsMade) {
  const auto refusal = [](const nlohmann::json& with, std::vector<Input> inputs) -> std::string {
    const text::ValueTree values(with);
    try {
      detail::bind<TrainPpo>(values.root())->check_inputs(inputs);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  Input policy, reward;
  policy.port = "policy";
  reward.port = "reward";
  const nlohmann::json rewards =
      nlohmann::json::array({{{"name", "acme.brevity"}, {"weight", 0.5}}});
  EXPECT_TRUE(refusal(nlohmann::json::object(), {policy}).starts_with("there is nothing to learn"));
  EXPECT_EQ(refusal(nlohmann::json::object(), {policy, reward}), "");
  EXPECT_EQ(refusal({{"rewards", rewards}}, {policy}), "");
  const std::pair<std::string, nlohmann::json> of_the_model[] = {
      {"reward_weight", 2.0},
      {"normalize_reward", false},
      {"stop_if", {{"disagreement_above", 1}}}};
  for (const auto& [name, value] : of_the_model) {
    EXPECT_TRUE(refusal({{"rewards", rewards}, {name, value}}, {policy}).starts_with(name)) << name;
    EXPECT_EQ(refusal({{"rewards", rewards}, {name, value}}, {policy, reward}), "") << name;
  }
}

TEST(TrainPpo, StopIfNeedsEvaluationsToGoBackTo) {
  Workshop shop;
  std::ofstream(shop.host.root / "prompts/eval-00000.jsonl");
  try {
    shop.run(watched("ppo", {{"kl_above", 4}}));
    FAIL() << "there is nothing held out";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no held-out prompt"), std::string::npos);
  }
  nlohmann::json with = watched("ppo", {{"kl_above", 4}});
  with["eval"]["every"] = 0;
  const text::ValueTree values(with);
  EXPECT_THROW(detail::bind<TrainPpo>(values.root())->check(), Error);
}

// With its prompt an answer fills the context and no more: all of it is scored and learnt from.
TEST(TrainPpo, AnswersEndWhereTheContextEnds) {
  Workshop shop;
  nlohmann::json with = parameters("ppo", 1);
  with["max_new_tokens"] = 60;  // of 64
  shop.run(with);
  EXPECT_GT(shop.series("sampling/answer_tokens").front(), 10);
}

// What was the critic's stays behind: the model that comes out is a language model, with an adapter
// and without.
TEST(TrainPpo, ASharedCriticLeavesNoTrace) {
  for (const bool adapted : {false, true}) {
    Workshop shop;
    nlohmann::json with = parameters(kShared, 2);
    if (adapted) with["lora"] = {{"rank", 2}};
    shop.run(with);
    EXPECT_GT(shop.series("loss/value_avg").front(), 0);
    const std::filesystem::path model = shop.host.root / "out/model";
    EXPECT_EQ(lm::read_config(model).head, lm::HeadKind::kLanguage);
    EXPECT_EQ(lm::SafetensorsFile(model / "model.safetensors").find("score.weight"), nullptr);
    if (!adapted) continue;
    const lm::SafetensorsFile adapter(model / "adapter/adapter_model.safetensors");
    EXPECT_EQ(adapter.find("base_model.model.score.weight"), nullptr);
  }
}

TEST(TrainPpo, AnImportedRewardModelHasNoScale) {
  Workshop shop;
  std::filesystem::remove(shop.host.root / "reward/reward.json");
  nlohmann::json with = parameters("ppo", 1);
  try {
    shop.run(with);
    FAIL() << "scores were brought to a scale that nobody knows";
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("normalize_reward: false"), std::string::npos);
  }
  with["normalize_reward"] = false;
  EXPECT_NO_THROW(shop.run(with));
}

TEST(TrainPpo, NamesARewardThatIsNoNumber) {
  nlohmann::json with = parameters("ppo", 1);
  with["rewards"] = nlohmann::json::array({{{"name", "acme.brevity"}, {"weight", 0.5}}});
  Workshop shop;
  shop.host.reward = [](const lehr_exchange&) { return std::nan(""); };
  try {
    shop.run(with);
    FAIL() << "an iteration was made of NaNs";
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("rewards[0] scores nan")) << error.what();
  }
}

TEST(TrainPpo, SaysHowToBoundAnEvaluation) {
  const text::ValueTree values(nlohmann::json{{"eval", {{"tokens", 100}}}});
  try {
    detail::bind<TrainPpo>(values.root())->check();
    FAIL() << "eval.tokens would do nothing";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("eval_samples"), std::string::npos) << error.what();
  }
}

TEST_P(TrainPpoBy, LearnsToAnswerAsTheJudgeLikes) {
  Workshop shop;
  nlohmann::json with = parameters(GetParam(), 25);
  with["samples"] = 32;
  with["num_generations"] = with["algorithm"] == "ppo" ? 1 : 8;  // pairs tell RLOO too little
  const auto results = shop.run(with);
  const std::vector<double> scores = shop.series("objective/scores");
  ASSERT_EQ(scores.size(), 25u);
  EXPECT_GT(scores.back(), scores.front() + 0.5);
  const std::vector<double> held_out = shop.series("eval/reward");
  EXPECT_GT(results.at("eval/reward"), held_out.front() + 0.5);
}

}  // namespace
}  // namespace lehr::plugins::ppo
