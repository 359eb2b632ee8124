#include "evaluate_stage.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <numbers>
#include <string>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/operators.h"
#include "lm/random.h"
#include "text/fake_host.h"
#include "text/token_shards.h"
#include "text/utf8_repair.h"

namespace lehr::plugins::evaluate {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kLength = 2500;  // tokens of the one document
constexpr const char* kProbe =
    R"({"id":"1","kind":"next","text":"The sky is","choices":["blue","red"],"answers":["blue"]})";

// The fake host; an input has the name of its folder for its label, and its path for its digest.
const lehr_host* host_with_labels() {
  static const lehr_host host = [] {
    lehr_host h = *lm::fake_host();
    h.input = [](lehr_context* self, size_t index, lehr_input* out, size_t size) {
      lm::fake_host()->input(self, index, out, size);
      out->digest = out->path;
      const std::string_view path = view(out->path);
      out->label = borrow(path.substr(path.rfind('/') + 1));
      return LEHR_OK;
    };
    return h;
  }();
  return &host;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

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
    std::ofstream(host_.root / "probes/probes.jsonl") << kProbe << "\n";
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
    host_.progress.clear();
    const text::ValueTree values(
        nlohmann::json{{"precision", "fp32"}, {"max_new_tokens", max_new_tokens}});
    host_.parameters = values.root();
    Context context(&host_, host_with_labels());
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

  // A folder with another model than `models`.
  fs::path other_model(const std::string& name) {
    const text::Tokenizer tokenizer = lm::byte_tokenizer();
    lm::ModelConfig config = lm::byte_model(tokenizer, 4096);
    config.initializer_range = 0.5;
    fs::create_directory(host_.root / name);
    lm::save_model_folder(host_.root / name, lm::Model::create(config, 2, lm::Precision::kFp32),
                          tokenizer);
    return host_.root / name;
  }
  // The evaluation that was made last becomes an input, `earlier`.
  void connect_evaluation() {
    fs::rename(host_.root / "out/evaluation", host_.root / "earlier");
    host_.inputs.emplace_back("evaluations", (host_.root / "earlier").string());
    host_.input_facets["evaluations"] = R"({"probes":"p","max_new_tokens":"2"})";
  }
  void disconnect(const std::string& port) {
    std::erase_if(host_.inputs, [&](const auto& input) { return input.first == port; });
  }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> out;
    for (const char* name : {"table.txt", "evaluation.json", "samples.jsonl"})
      out[name] = content(host_.root / "out/evaluation" / name);
    return out;
  }
  std::string refusal() {
    try {
      run();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  lehr_context host_;
  std::optional<lm::Model> model_;
  std::vector<text::TokenId> ids_;
};

TEST_F(Evaluate, PredictsHeldOutTokensFromAllThatTheModelCanSee) {
  run();
  EXPECT_NEAR(host_.results.at("bits_per_byte@models"), bits_per_byte(), 1e-5);
}

TEST_F(Evaluate, TokensOfAnotherTokenizerSayNothing) {
  host_.input_facets["models"] = R"({"tokenizer":"aa"})";
  host_.input_facets["tokens"] = R"({"tokenizer":"bb"})";
  run();
  EXPECT_FALSE(host_.results.contains("bits_per_byte@models"));
  EXPECT_TRUE(host_.results.contains("accuracy@models"));
  host_.input_facets["tokens"] = R"({"tokenizer":"aa"})";
  run();
  EXPECT_TRUE(host_.results.contains("bits_per_byte@models"));
}

TEST_F(Evaluate, TokensWithoutAHeldOutPartSayNothing) {
  std::filesystem::remove_all(host_.root / "tokens");
  std::filesystem::create_directory(host_.root / "tokens");
  const std::size_t vocabulary = lm::byte_tokenizer().vocab_size();
  text::TokenShardWriter writer(host_.root / "tokens", "train", vocabulary);
  writer.add(ids_, ids_.size());
  text::write_tokens_json(host_.root / "tokens", vocabulary, writer.finish(), {});
  run();
  EXPECT_FALSE(host_.results.contains("bits_per_byte@models"));
  EXPECT_TRUE(host_.results.contains("accuracy@models"));
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
  EXPECT_EQ(host_.results.at("completion@models"), 0);
}

TEST_F(Evaluate, CountsTheAnswersOfEveryModelOnce) {
  host_.inputs.insert(host_.inputs.begin(), {"models", (host_.root / "models").string()});
  run();
  EXPECT_EQ(host_.progress, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 2}, {2, 2}}));
}

TEST_F(Evaluate, DoesNotAskModelsAgainThatAnEvaluationHas) {
  const std::string other = other_model("other");
  run(24);
  connect_evaluation();
  host_.inputs.emplace_back("models", other);  // and a model comes in addition
  const auto second = [&] { std::swap(host_.inputs.front(), host_.inputs.back()); };
  for (int order = 0; order < 2; ++order, second()) {
    const auto inputs = host_.inputs;
    disconnect("evaluations");
    run(24);
    EXPECT_EQ(host_.progress.size(), 2u);
    const auto expected = files();
    const auto results = host_.results;
    EXPECT_EQ(results.size(), 18u);
    EXPECT_TRUE(text::is_valid_utf8(expected.at("table.txt")));
    EXPECT_NE(expected.at("samples.jsonl").find("\xEF\xBF\xBD"), std::string::npos)
        << "it holds no answer that is not UTF-8, which would be the hard case";

    host_.inputs = inputs;
    fs::rename(host_.root / "models/model.safetensors", host_.root / "hidden");  // nor read
    run(24);
    fs::rename(host_.root / "hidden", host_.root / "models/model.safetensors");
    EXPECT_EQ(files(), expected);
    EXPECT_EQ(host_.results, results);
    EXPECT_EQ(host_.progress, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 1}}));
    EXPECT_TRUE(host_.messages.empty());
  }
}

TEST_F(Evaluate, MeasuresTokensThatAnEvaluationLacks) {
  run();
  const auto with_tokens = files();
  disconnect("tokens");
  run();
  const auto without = files();
  EXPECT_NE(without, with_tokens);
  connect_evaluation();
  host_.inputs.emplace_back("tokens", (host_.root / "tokens").string());
  run();
  EXPECT_EQ(files(), with_tokens);
  EXPECT_TRUE(host_.progress.empty()) << "no question is asked";

  disconnect("evaluations");
  fs::remove_all(host_.root / "earlier");
  connect_evaluation();
  disconnect("tokens");
  run();
  EXPECT_EQ(files(), without);
}

TEST_F(Evaluate, WarnsOfAnEvaluationOfOtherModels) {
  run();
  connect_evaluation();
  const std::string other = other_model("other");
  disconnect("models");
  host_.inputs.emplace_back("models", other);
  run();
  ASSERT_EQ(host_.messages.size(), 1u);
  EXPECT_EQ(host_.messages[0], "'earlier' evaluated none of the models");
  EXPECT_EQ(host_.progress.size(), 1u);
}

TEST_F(Evaluate, RefusesAnEvaluationOfOtherProbesOrDamaged) {
  run();
  connect_evaluation();
  EXPECT_EQ(refusal(), "");
  const fs::path probes = host_.root / "probes/probes.jsonl";
  std::string other = kProbe;
  std::ofstream(probes) << other << "\n" << other.replace(other.find('1'), 1, "2") << "\n";
  EXPECT_EQ(refusal(), "input 'evaluations' (earlier): it is not of these probes");
  std::ofstream(probes) << other << "\n";
  EXPECT_EQ(refusal(), "input 'evaluations' (earlier): it is not of these probes");
  std::ofstream(probes) << kProbe << "\n";
  EXPECT_EQ(refusal(), "");
  std::ofstream(host_.root / "earlier/samples.jsonl") << R"({"id":"1","models":{}})";
  EXPECT_TRUE(refusal().starts_with("input 'evaluations' (earlier): it is damaged, line 1: "))
      << refusal();
  std::ofstream(host_.root / "earlier/evaluation.json") << "{";
  EXPECT_TRUE(refusal().starts_with("input 'evaluations' (earlier): it is damaged")) << refusal();
}

TEST_F(Evaluate, RefusesAnEvaluationThatDoesNotSayHowItWasMade) {
  run();
  connect_evaluation();
  host_.input_facets["evaluations"] = "{}";
  EXPECT_NE(refusal().find("'evaluations' (earlier): it does not say with which parameters"),
            std::string::npos)
      << refusal();
}

TEST(EvaluateStage, RefusesTwoModelsOfOneName) {
  Input model;
  model.port = "models";
  model.label = "pair";
  EXPECT_NO_THROW(EvaluateStage().check_inputs({model}));
  try {
    EvaluateStage().check_inputs({model, model});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("models: two of them are named 'pair'"));
  }
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
