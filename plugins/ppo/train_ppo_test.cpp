#include "train_ppo.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/reward_scores.h"
#include "text/fake_host.h"

namespace lehr::plugins::ppo {
namespace {

// A killed host's stage goes on behind the last iteration where only its results are missing.
TEST(TrainPpo, ResumedBehindTheLastIterationGivesTheSameResults) {
  lehr_context host;
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
  std::ofstream(host.root / "prompts/train-00000.jsonl")
      << R"({"prompt":[{"role":"user","content":"Who?"}]})"
      << "\n";

  const text::ValueTree values(nlohmann::json{{"precision", "fp32"},
                                              {"iterations", 2},
                                              {"samples", 4},
                                              {"epochs", 1},
                                              {"minibatches", 1},
                                              {"max_new_tokens", 4},
                                              {"learning_rate", 1e-2}});
  host.parameters = values.root();
  const auto run = [&] {
    Context context(&host, lm::fake_host());
    detail::bind<TrainPpo>(values.root())->run(context);
    return std::exchange(host.results, {});
  };
  const auto whole = run();
  EXPECT_NE(whole.at("objective/kl"), 0);
  EXPECT_EQ(run(), whole);
}

}  // namespace
}  // namespace lehr::plugins::ppo
