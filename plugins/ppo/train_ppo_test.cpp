#include "train_ppo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "lm/reward_scores.h"
#include "lm/safetensors.h"
#include "lm/stage_workshop_test.h"

namespace lehr::plugins::ppo {
namespace {

// A stage over a model that answers with four tokens or less, judged by a head drawn at random.
struct Workshop : lm::StageWorkshop<TrainPpo> {
  Workshop() {
    connect("policy", model());
    connect("reward", model().with_score_head(2));
    lm::write_reward_scale(host.root / "reward", {});
    const std::string rows = R"({"prompt":[{"role":"user","content":"Who?"}]})"
                             "\n"
                             R"({"prompt":[{"role":"user","content":"And why?"}]})"
                             "\n";
    connect("prompts", rows, rows);
  }
};

constexpr const char* kShared = "ppo_shared";

nlohmann::json parameters(const std::string& variant, int iterations) {
  const bool shared = variant == kShared;
  return {{"algorithm", shared ? "ppo" : variant},
          {"critic", shared ? "shared" : "separate"},
          {"precision", "fp32"},
          {"iterations", iterations},
          {"samples", 16},
          {"epochs", 2},
          {"minibatches", 2},
          {"max_new_tokens", 4},
          {"learning_rate", 1e-2},
          {"missing_end_penalty", 0}};
}

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
  with["rewards"] = nlohmann::json::array({{{"weight", 0.5}}});
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
  with["rewards"] = nlohmann::json::array({{{"weight", 0.5}}});
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
