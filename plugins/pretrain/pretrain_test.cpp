#include "pretrain.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/training_estimate.h"
#include "text/document_weights.h"
#include "text/fake_host.h"
#include "text/token_shards.h"

namespace lehr::plugins::pretrain {
namespace {

using Json = nlohmann::json;

// What planning or the run refuses the parameters for; empty: nothing.
std::string refusal(const Json& parameters) {
  const text::ValueTree values(parameters);
  try {
    detail::bind<Pretrain>(values.root())->check_inputs({});
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Pretrain, EstimatesFromTheVocabularyThatItsTokensWillHave) {
  const text::ValueTree values(nlohmann::json{
      {"budget", {{"tokens", 40960}}}, {"model", {{"width", 64}, {"layers", 2}, {"heads", 4}}}});
  const auto stage = detail::bind<Pretrain>(values.root());
  Input tokens;
  tokens.port = "tokens";
  Estimate unknown, known;
  stage->estimate({tokens}, unknown);
  EXPECT_EQ(unknown.steps, 10);
  EXPECT_FALSE(unknown.parameters || unknown.flops || unknown.outputs.contains("model"));

  tokens.facts = R"({"vocab_size":500})";
  stage->estimate({tokens}, known);
  EXPECT_EQ(known.steps, 10);
  EXPECT_TRUE(known.parameters && known.flops && known.seconds && known.memory_bytes);
  EXPECT_EQ(known.at_most, std::uint64_t{LEHR_AT_MOST_FLOPS | LEHR_AT_MOST_SECONDS});
  Input model;
  model.port = "model";
  model.facts = known.outputs.at("model");
  const auto config = lm::known_config({model}, "model");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->vocab_size, 500);
  EXPECT_EQ(config->hidden_size, 64);
  EXPECT_EQ(static_cast<double>(config->parameters()), known.parameters);

  Estimate onward;  // the given model counts, not the shape among the parameters
  tokens.facts.clear();
  detail::bind<Pretrain>(text::ValueTree(nlohmann::json::object()).root())
      ->estimate({tokens, model}, onward);
  EXPECT_EQ(onward.parameters, known.parameters);
}

TEST(Pretrain, RefusesAContextThatNoRowHolds) {
  const std::string why = refusal({{"model", {{"context", 8192}}}});
  EXPECT_TRUE(why.starts_with("model.context: 8192 tokens do not fit into rows of 2048")) << why;
  EXPECT_NE(refusal({{"model", {{"context", 8192}}}, {"micro_batch_tokens", 8192}}), "")
      << "an update of 4,096 tokens has no longer row";
  EXPECT_EQ(
      refusal(
          {{"model", {{"context", 8192}}}, {"micro_batch_tokens", 8192}, {"batch_tokens", 8192}}),
      "");
  const text::ValueTree small(Json{{"micro_batch_tokens", 128}});
  Input model;
  model.port = "model";
  EXPECT_THROW(detail::bind<Pretrain>(small.root())->check_inputs({}), Error)
      << "the context that it has unless told otherwise";
  detail::bind<Pretrain>(small.root())->check_inputs({model});  // whose own context counts
}

// Runs the stage on a few documents of 100 tokens.
class PretrainRun : public testing::Test {
 protected:
  void SetUp() override {
    const text::Tokenizer tokenizer = lm::byte_tokenizer();
    const auto tokens = host_.root / "tokens", model = host_.root / "model";
    std::filesystem::create_directory(tokens);
    std::filesystem::create_directory(model);
    tokenizer.save(tokens);
    text::TokenShardWriter writer(tokens, "train", tokenizer.vocab_size());
    for (text::TokenId d = 0; d < 4; ++d) writer.add(std::vector<text::TokenId>(100, d), 100);
    text::write_tokens_json(tokens, tokenizer.vocab_size(), writer.finish(), {});

    Shape shape;
    shape.width = 16;
    shape.layers = 1;
    shape.heads = 2;
    const auto vocab_size = static_cast<std::int64_t>(tokenizer.vocab_size());
    lm::save_model_folder(model, lm::Model::create(shape.config(vocab_size), 1), tokenizer);
    host_.inputs = {{"tokens", tokens.string()}};
    parameters_ = {{"model", {{"width", 16}, {"layers", 1}, {"heads", 2}}},
                   {"budget", {{"steps", 1}}},
                   {"precision", "fp32"}};
  }
  void run() {
    const text::ValueTree values(parameters_);
    host_.parameters = values.root();
    Context context(&host_, lm::fake_host());
    detail::bind<Pretrain>(values.root())->run(context);
  }
  void give_model() { host_.inputs.emplace_back("model", (host_.root / "model").string()); }
  bool told(const std::string& what) const {
    return std::any_of(host_.messages.begin(), host_.messages.end(), [&](const std::string& text) {
      return text.find(what) != std::string::npos;
    });
  }
  bool warned() const { return told("later positions are not trained"); }

  lehr_context host_;
  Json parameters_;
};

TEST_F(PretrainRun, TellsThatRowsAreShorterThanWhatAGivenModelCanRead) {
  give_model();
  run();
  EXPECT_FALSE(warned());
  parameters_["micro_batch_tokens"] = 64;
  host_.latest.clear();
  run();
  EXPECT_TRUE(warned());
}

TEST_F(PretrainRun, TellsHowMuchOfTheDataAStepSees) {
  for (const auto& [tokens, text] : {std::pair{4096, "1 step of 4096 tokens, 10 epochs each, "},
                                     {1024, "1 step of 1024 tokens, 2.6 epochs each, "},
                                     {256, "1 step of 256 tokens, 1.5 of them an epoch, "}}) {
    parameters_["batch_tokens"] = tokens;
    parameters_["model"]["context"] = 128;
    host_.latest.clear();
    run();
    EXPECT_TRUE(told(text)) << text;
  }
}

TEST_F(PretrainRun, CountsDocumentsByTheirWeights) {
  parameters_["budget"]["steps"] = 3;
  parameters_["model"]["context"] = 128;
  const auto trained = [&](const std::vector<float>& weights) {
    std::filesystem::remove(host_.root / "tokens" / "train.weights");
    text::DocumentWeightWriter writer(host_.root / "tokens", "train", 0);
    writer.add(weights);
    writer.flush();
    host_.latest.clear();
    run();
    std::ifstream file(host_.root / "out/model/model.safetensors", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string plain = trained({});
  EXPECT_EQ(trained({1, 1, 1, 1}), plain);
  EXPECT_EQ(trained({0.5f, 0.5f, 0.5f, 0.5f}), plain) << "a mean, whatever they add up to";
  EXPECT_NE(trained({1, 0, 1, 2}), plain);
  EXPECT_THROW(trained({0, 0, 0, 0}), Error);
  EXPECT_THROW(trained({1, 1, 1}), Error) << "four documents";
}

TEST_F(PretrainRun, StopsInAnEvaluation) {
  const auto tokens = host_.root / "tokens";
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  text::TokenShardWriter held_out(tokens, "eval", tokenizer.vocab_size());
  held_out.add(std::vector<text::TokenId>(100, 7), 100);
  text::write_tokens_json(tokens, tokenizer.vocab_size(), text::read_tokens_json(tokens).train,
                          held_out.finish());
  parameters_["budget"]["steps"] = 0;
  host_.cancelled = true;
  EXPECT_THROW(run(), Cancelled);
  host_.cancelled = false;
  run();
  EXPECT_GT(host_.results.at("eval/loss"), 0);
}

#ifndef LEHR_TORCH_CUDA
TEST_F(PretrainRun, RefusesADeviceThatLibTorchWasBuiltWithout) {
  host_.device = "cuda";
  EXPECT_THROW(run(), Error);
}
#endif

}  // namespace
}  // namespace lehr::plugins::pretrain
