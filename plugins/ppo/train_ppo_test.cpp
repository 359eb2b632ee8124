#include "train_ppo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/reward_scores.h"
#include "text/fake_host.h"

namespace lehr::plugins::ppo {
namespace {

// A stage over a model that answers with four tokens or less, judged by a head drawn at random.
struct Workshop {
  lehr_context host;

  Workshop() {
    const text::Tokenizer tokenizer = lm::byte_tokenizer();
    const lm::ModelConfig config = lm::byte_model(tokenizer, 64);
    for (const char* port : {"policy", "reward", "prompts"}) {
      std::filesystem::create_directory(host.root / port);
      host.inputs.emplace_back(port, (host.root / port).string());
    }
    const lm::Model model = lm::Model::create(config, 1, lm::Precision::kFp32);
    lm::save_model_folder(host.root / "policy", model, tokenizer);
    lm::save_model_folder(host.root / "reward", model.with_score_head(2), tokenizer);
    lm::write_reward_scale(host.root / "reward", {});
    for (const char* split : {"train", "eval"})
      std::ofstream(host.root / "prompts" / (std::string(split) + "-00000.jsonl"))
          << R"({"prompt":[{"role":"user","content":"Who?"}]})"
          << "\n"
          << R"({"prompt":[{"role":"user","content":"And why?"}]})"
          << "\n";
  }

  std::map<std::string, double> run(const nlohmann::json& parameters) {
    const text::ValueTree values(parameters);
    host.parameters = values.root();
    Context context(&host, lm::fake_host());
    detail::bind<TrainPpo>(values.root())->run(context);
    return std::exchange(host.results, {});
  }
  std::string model_bytes() const {
    std::ifstream file(host.root / "out/model/model.safetensors", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<double> series(const std::string& name) const {
    std::vector<double> out;
    for (const auto& [step, metric, value] : host.metrics)
      if (metric == name) out.push_back(value);
    return out;
  }
};

nlohmann::json parameters(const std::string& algorithm, int iterations) {
  return {{"algorithm", algorithm}, {"precision", "fp32"},   {"iterations", iterations},
          {"samples", 16},          {"epochs", 2},           {"minibatches", 2},
          {"max_new_tokens", 4},    {"learning_rate", 1e-2}, {"missing_end_penalty", 0}};
}

class TrainPpoBy : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, TrainPpoBy, testing::Values("ppo", "grpo", "rloo"),
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
  stopped.host.cancel_after = 2;
  EXPECT_THROW(stopped.run(with), Cancelled);
  stopped.host.cancelled = false;
  stopped.host.cancel_after = -1;
  EXPECT_EQ(stopped.run(with), expected);
  EXPECT_EQ(stopped.model_bytes(), whole.model_bytes());
}

TEST_P(TrainPpoBy, LearnsToAnswerAsTheJudgeLikes) {
  Workshop shop;
  nlohmann::json with = parameters(GetParam(), 25);
  with["samples"] = 32;
  with["num_generations"] = GetParam() == std::string("ppo") ? 1 : 8;  // pairs tell RLOO too little
  const auto results = shop.run(with);
  const std::vector<double> scores = shop.series("objective/scores");
  ASSERT_EQ(scores.size(), 25u);
  EXPECT_GT(scores.back(), scores.front() + 0.5);
  const std::vector<double> held_out = shop.series("eval/reward");
  EXPECT_GT(results.at("eval/reward"), held_out.front() + 0.5);
}

}  // namespace
}  // namespace lehr::plugins::ppo
