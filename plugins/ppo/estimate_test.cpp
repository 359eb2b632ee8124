#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/training_estimate.h"
#include "text/fake_host.h"
#include "text/tokenizer.h"
#include "train_ppo.h"
#include "work.h"

namespace lehr::plugins::ppo {
namespace {

lm::ModelConfig small() {
  lm::ModelConfig config;
  config.hidden_size = 16;
  config.intermediate_size = 32;
  config.layers = 1;
  config.heads = config.kv_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 300;
  config.max_position_embeddings = 40;
  return config;
}

// Matrix products a token: layer 4 * 16 * 16 + 3 * 16 * 32 = 2560, head 300 * 16 or 16 * 1; a
// forward pass is 2 FLOP for each, and 4 * H * D = 64 for each key that is attended to.
TEST(MostWork, CountsEveryPassOverPromptsAndWholeAnswers) {
  PpoOptions options;
  options.iterations = 3;
  options.samples = 5;
  options.epochs = 2;
  options.max_new_tokens = 20;
  const lm::ModelConfig policy = small();
  lm::ModelConfig critic = policy;
  critic.head = lm::HeadKind::kScore;
  const auto prompt = [](std::size_t tokens) {
    return Question{std::vector<std::int32_t>(tokens), "", ""};
  };
  // 10 + 20 tokens, and 30 + 10, for which the context of 40 ends the answer.
  const Lengths lengths = most_tokens(options, {prompt(10), prompt(30)}, 40);
  EXPECT_EQ(lengths.question, 20);
  EXPECT_EQ(lengths.answer, 15);
  const double sampled = 3 * 5 * 35, keys = 18;
  const double policy_pass = sampled * (2 * (2560 + 4800) + 64 * keys);
  const double critic_pass = sampled * (2 * (2560 + 16) + 64 * keys);
  for (const bool judged : {false, true}) {
    const Work work = most_work(options, 2048, lengths, policy, critic, judged);
    EXPECT_DOUBLE_EQ(work.tokens, sampled * 3);
    EXPECT_NEAR(work.decoding_flops, policy_pass, 1e-6 * policy_pass);
    const double others = policy_pass * 8 + critic_pass * (judged ? 8 : 7);
    EXPECT_NEAR(work.other_flops, others, 1e-6 * others);
  }
}

// Questions of 20 tokens, answers of 15. Four answers share a question: 5 + 15 tokens each, of
// which the question's attend to 10.5 keys, the answer's to 20 + 8.
TEST(MostWork, WithoutACriticGroupsShareTheirPrompt) {
  PpoOptions options;
  options.algorithm = "grpo";
  options.num_generations = 4;
  options.iterations = 3;
  options.samples = 8;
  options.minibatches = 2;
  options.epochs = 2;
  const Lengths lengths{20, 15};
  const lm::ModelConfig policy = small();
  lm::ModelConfig judge = policy;
  judge.head = lm::HeadKind::kScore;
  const auto pass = [&](double tokens, double keys, double head) {
    return 24 * (tokens * 2 * (2560 + head) + 64 * keys);
  };
  const double keys = 5 * 10.5 + 15 * 28;
  Work work = most_work(options, 2048, lengths, policy, judge, true);
  EXPECT_DOUBLE_EQ(work.tokens, 24 * 20 * 3);
  const double others = pass(20, keys, 4800) * 8 + pass(20, keys, 16);
  EXPECT_NEAR(work.other_flops, others, 1e-6 * others);
  const double decoding = pass(35, 35 * 18, 4800);
  EXPECT_NEAR(work.decoding_flops, decoding, 1e-6 * decoding) << "taken in one by one";
  // A row of 55 holds two answers with their question.
  work = most_work(options, 55, lengths, policy, judge, true);
  EXPECT_DOUBLE_EQ(work.tokens, 24 * 25 * 3);

  lm::TrainOptions training;
  const double without = most_bytes(options, training, lengths, policy, judge, true);
  options.algorithm = "ppo";
  const double with = most_bytes(options, training, lengths, policy, judge, true);
  EXPECT_DOUBLE_EQ(with - without, lm::trained_bytes(judge, training));
}

TEST(TrainPpo, EstimatesTokensFlopsAndTimeOnceModelAndPromptsAreThere) {
  const lehr_context host;
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  const lm::ModelConfig config = lm::byte_model(tokenizer, 256);
  std::filesystem::create_directories(host.root / "model");
  lm::save_model_folder(host.root / "model", lm::Model::create(config, 1), tokenizer);
  std::filesystem::create_directories(host.root / "prompts");
  std::ofstream(host.root / "prompts/train-00000.jsonl")
      << R"({"prompt":[{"role":"user","content":"Who?"}]})"
      << "\n";

  Input policy, reward, prompts;
  policy.port = "policy";
  reward.port = "reward";
  prompts.port = "prompts";
  policy.path = host.root / "model";
  TrainPpo stage;
  Estimate before;
  stage.estimate({policy, reward, prompts}, before);
  EXPECT_EQ(before.steps, 30);
  EXPECT_TRUE(before.memory_bytes);
  // 30 iterations of 128 samples, scored once, 4 epochs; prompts may fill the context.
  EXPECT_EQ(before.tokens, 30.0 * 128 * 5 * 256);
  EXPECT_TRUE(before.flops && before.seconds);
  EXPECT_TRUE(before.at_most & LEHR_AT_MOST_TOKENS);
  EXPECT_FALSE(before.at_most & LEHR_AT_MOST_STEPS) << "nothing stops it before";

  const text::ValueTree values(nlohmann::json{{"stop_if", {{"kl_above", 4}}}});
  Estimate watched;
  detail::bind<TrainPpo>(values.root())->estimate({policy, reward, prompts}, watched);
  EXPECT_TRUE(watched.at_most & LEHR_AT_MOST_STEPS);
  EXPECT_GT(*watched.memory_bytes, *before.memory_bytes) << "of the weights to go back to";

  Input unmade = policy;
  unmade.path.clear();
  Estimate unknown, told;
  stage.estimate({unmade, reward, prompts}, unknown);
  EXPECT_EQ(unknown.steps, 30);
  EXPECT_FALSE(unknown.parameters || unknown.tokens);
  unmade.facts = lm::model_facts(config, policy.path);
  stage.estimate({unmade, reward, prompts}, told);
  EXPECT_EQ(told.parameters, before.parameters);
  EXPECT_EQ(told.tokens, before.tokens);
  EXPECT_EQ(told.outputs, before.outputs);

  prompts.path = host.root / "prompts";
  Estimate known;
  stage.estimate({policy, reward, prompts}, known);
  ASSERT_TRUE(known.tokens && known.flops && known.seconds);
  // By default 30 iterations of 128 samples with 48 new tokens, scored once, 4 epochs.
  const double length = *known.tokens / (30 * 128 * 5);
  EXPECT_EQ(length, std::round(length));
  EXPECT_GT(length, 48 + 4) << "the prompt is rendered as a chat";
  EXPECT_LT(length, 48 + 60);
  EXPECT_GT(*known.seconds, 0);
  EXPECT_LE(*known.memory_bytes, *before.memory_bytes) << "shorter answers";
}

}  // namespace
}  // namespace lehr::plugins::ppo
