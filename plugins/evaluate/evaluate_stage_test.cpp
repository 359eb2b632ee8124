#include "evaluate_stage.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numbers>
#include <string>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/operators.h"
#include "lm/random.h"
#include "text/fake_host.h"
#include "text/token_shards.h"

namespace lehr::plugins::evaluate {
namespace {

constexpr std::int64_t kLength = 2500;  // tokens of the one document

// A random model far from uniform predictions, one document of random bytes, one probe.
class Evaluate : public testing::Test {
 protected:
  void SetUp() override {
    const text::Tokenizer tokenizer = lm::byte_tokenizer();
    lm::ModelConfig config = lm::byte_model(tokenizer, 4096);
    config.initializer_range = 0.5;
    model_ = lm::Model::create(config, 1, lm::Precision::kFp32);
    for (const char* port : {"models", "probes", "tokens"}) {
      std::filesystem::create_directory(host_.root / port);
      host_.inputs.emplace_back(port, (host_.root / port).string());
    }
    lm::save_model_folder(host_.root / "models", *model_, tokenizer);
    std::ofstream(host_.root / "probes/probes.jsonl")
        << R"({"id":"1","kind":"next","text":"The sky is","choices":["blue","red"],"answers":["blue"]})"
        << "\n";
    const lm::Random random(3, lm::Purpose::kUser);
    for (std::int64_t i = 0; i < kLength; ++i)
      ids_.push_back(tokenizer.encode(std::string(
          1, static_cast<char>('a' + random.below(static_cast<std::uint64_t>(i), 26))))[0]);
    text::TokenShardWriter writer(host_.root / "tokens", "eval", tokenizer.vocab_size());
    writer.add(ids_, ids_.size());
    text::write_tokens_json(host_.root / "tokens", tokenizer.vocab_size(), {}, writer.finish());
  }
  void run(int max_new_tokens = 2) {
    host_.results.clear();
    const text::ValueTree values(
        nlohmann::json{{"precision", "fp32"}, {"max_new_tokens", max_new_tokens}});
    host_.parameters = values.root();
    Context context(&host_, lm::fake_host());
    detail::bind<EvaluateStage>(values.root())->run(context);
  }
  // In one segment; every token is one byte.
  double bits_per_byte() const {
    const at::NoGradGuard no_gradients;
    lm::PackedBatch batch;
    for (std::int32_t i = 0; i + 1 < kLength; ++i) {
      batch.ids.push_back(static_cast<std::int32_t>(ids_[static_cast<std::size_t>(i)]));
      batch.positions.push_back(i);
      batch.loss_entries.push_back(
          {i, static_cast<std::int32_t>(ids_[static_cast<std::size_t>(i) + 1]), 1.0f, 0});
    }
    batch.segments.push_back({0, kLength - 1, 0, 0});
    const at::Tensor nll =
        lm::linear_cross_entropy(model_->forward_hidden(batch), model_->head(), batch.loss_entries)
            .nll;
    return nll.sum().item<double>() / (std::numbers::ln2 * (kLength - 1));
  }

  lehr_context host_;
  std::optional<lm::Model> model_;
  std::vector<text::TokenId> ids_;
};

TEST_F(Evaluate, PredictsHeldOutTokensFromAllThatTheModelCanSee) {
  run();
  EXPECT_NEAR(host_.results.at("bits_per_byte@"), bits_per_byte(), 1e-5);
}

TEST_F(Evaluate, TokensOfAnotherTokenizerSayNothing) {
  host_.input_facets["models"] = R"({"tokenizer":"aa"})";
  host_.input_facets["tokens"] = R"({"tokenizer":"bb"})";
  run();
  EXPECT_FALSE(host_.results.contains("bits_per_byte@"));
  EXPECT_TRUE(host_.results.contains("accuracy@"));
  host_.input_facets["tokens"] = R"({"tokenizer":"aa"})";
  run();
  EXPECT_TRUE(host_.results.contains("bits_per_byte@"));
}

TEST_F(Evaluate, TokensWithoutAHeldOutPartSayNothing) {
  std::filesystem::remove_all(host_.root / "tokens");
  std::filesystem::create_directory(host_.root / "tokens");
  const std::size_t vocabulary = lm::byte_tokenizer().vocab_size();
  text::TokenShardWriter writer(host_.root / "tokens", "train", vocabulary);
  writer.add(ids_, ids_.size());
  text::write_tokens_json(host_.root / "tokens", vocabulary, writer.finish(), {});
  run();
  EXPECT_FALSE(host_.results.contains("bits_per_byte@"));
  EXPECT_TRUE(host_.results.contains("accuracy@"));
}

// Imported models' embeddings are often larger than their vocabularies; here nearly all is padding,
// so that greedy answers consist of it.
TEST_F(Evaluate, RowsBeyondTheVocabularyHaveNoText) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::ModelConfig config = lm::byte_model(tokenizer, 4096);
  config.vocab_size = 8192;
  config.initializer_range = 0.5;
  lm::save_model_folder(host_.root / "models", lm::Model::create(config, 1, lm::Precision::kFp32),
                        tokenizer);
  run();
  EXPECT_EQ(host_.results.at("completion@"), 0);
}

TEST_F(Evaluate, CountsTheAnswersOfEveryModelOnce) {
  host_.inputs.insert(host_.inputs.begin(), {"models", (host_.root / "models").string()});
  run();
  EXPECT_EQ(host_.progress, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 2}, {2, 2}}));
}

TEST_F(Evaluate, TellsOfAnswersThatTheContextLimits) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::save_model_folder(host_.root / "models",
                        lm::Model::create(lm::byte_model(tokenizer, 32), 1, lm::Precision::kFp32),
                        tokenizer);
  run(32);
  EXPECT_TRUE(host_.messages.empty());
  run(33);
  ASSERT_EQ(host_.messages.size(), 1u);
  EXPECT_NE(host_.messages[0].find("max_new_tokens: 33 is above the model's context"),
            std::string::npos);
}

TEST_F(Evaluate, NamesAProbeThatLeavesNoRoomForAnAnswer) {
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::save_model_folder(host_.root / "models",
                        lm::Model::create(lm::byte_model(tokenizer, 10), 1, lm::Precision::kFp32),
                        tokenizer);
  try {
    run();
    FAIL() << "10 bytes and a token more fit into a context of 10";
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("probe '1': 11 tokens")) << error.what();
  }
}

}  // namespace
}  // namespace lehr::plugins::evaluate
