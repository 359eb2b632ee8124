#include "sft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "lm/byte_model_test.h"
#include "lm/fake_host.h"
#include "lm/model_folder.h"
#include "lm/runtime.h"
#include "lm/stage_workshop_test.h"
#include "lm/training_estimate.h"
#include "text/fake_host.h"

namespace lehr::plugins::sft {
namespace {

Input input(const char* port) {
  Input in;
  in.port = port;
  return in;
}

TEST(Sft, EstimatesFromTheShapeThatItsModelWillHave) {
  Input model = input("model");
  Estimate unknown, known;
  Sft().estimate({model, input("conversations")}, unknown);
  EXPECT_FALSE(unknown.parameters || unknown.outputs.contains("model"));
  const lm::ModelConfig config;
  model.facts = lm::model_facts(config, {});
  Sft().estimate({model, input("conversations")}, known);
  EXPECT_EQ(known.parameters, static_cast<double>(config.parameters()));
  EXPECT_TRUE(known.memory_bytes && known.disk_bytes);
  EXPECT_FALSE(known.steps) << "three epochs of who knows what";
  EXPECT_EQ(known.outputs.at("model"), model.facts);
}

TEST(Sft, BoundsAnEpochOfConversationsThatAreNotMadeYet) {
  Input model = input("model"), few = input("conversations"), many = few;
  model.facts = lm::model_facts(lm::ModelConfig(), {});
  few.facts = R"({"train_rows":10,"train_messages":20,"train_bytes":900})";      // 1000 tokens
  many.facts = R"({"train_rows":100,"train_messages":200,"train_bytes":9000})";  // 10000
  const text::ValueTree values(nlohmann::json{{"weights", {2.0, 0.5}}});
  Estimate estimate, unknown;
  detail::bind<Sft>(values.root())->estimate({model, few, many}, estimate);
  EXPECT_EQ(estimate.tokens, 3 * (2 * 1000 + 5000));
  EXPECT_EQ(estimate.steps, std::ceil(21000.0 / 1024));
  EXPECT_TRUE(estimate.flops && estimate.seconds);
  EXPECT_TRUE(estimate.at_most & LEHR_AT_MOST_TOKENS);
  detail::bind<Sft>(values.root())->estimate({model, few, input("conversations")}, unknown);
  EXPECT_FALSE(unknown.steps) << "one of the sources does not tell";
}

TEST(Sft, WantsAWeightForEachSourceBeforeAnyInputIsThere) {
  const text::ValueTree values(nlohmann::json{{"weights", {1.0, 2.0}}});
  const auto stage = detail::bind<Sft>(values.root());
  const std::vector<Input> two = {input("model"), input("conversations"), input("conversations")};
  const std::vector<Input> one = {input("model"), input("conversations")};
  EXPECT_NO_THROW(stage->check_inputs(two));
  EXPECT_NO_THROW(Sft().check_inputs(one));
  try {
    stage->check_inputs(one);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("weights: there are 2 for 1"))
        << error.what();
  }
  Estimate estimate;
  EXPECT_THROW(stage->estimate(one, estimate), Error) << "asked for in the same breath";
}

TEST(Sft, SaysThatEveryConversationIsTooLong) {
  lehr_context host;
  const std::filesystem::path model = host.root / "model", chats = host.root / "chats";
  std::filesystem::create_directory(model);
  std::filesystem::create_directory(chats);
  const text::Tokenizer tokenizer = lm::byte_tokenizer();
  lm::save_model_folder(model, lm::Model::create(lm::byte_model(tokenizer, 32), 1), tokenizer);
  std::ofstream(chats / "train-00000.jsonl")
      << R"({"messages":[{"role":"user","content":"longer than the context of the model"},)"
      << R"({"role":"assistant","content":"b"}]})";
  const text::ValueTree values(nlohmann::json::object());
  host.parameters = values.root();
  host.inputs = {{"model", model.string()}, {"conversations", chats.string()}};
  Context context(&host, lm::fake_host());
  try {
    detail::bind<Sft>(values.root())->run(context);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_TRUE(
        std::string(error.what()).ends_with(": of 1, 1 have no answer in their first 32 tokens"))
        << error.what();
  }
}

TEST(Sft, CountsHeldOutConversationsByThemselves) {
  const auto row = [](std::size_t letters) {
    return R"({"messages":[{"role":"user","content":"Who?"},{"role":"assistant","content":")" +
           std::string(letters, 'x') + "\"}]}\n";
  };
  lm::StageWorkshop<Sft> shop;
  shop.connect("model", shop.model());
  shop.connect("conversations", row(3) + row(90) + row(4), row(5) + row(80));
  const auto results = shop.run({{"precision", "fp32"}, {"budget", {{"steps", 0}}}});
  EXPECT_EQ(results.at("conversations"), 3);
  EXPECT_EQ(results.at("conversations_cut"), 1);
  EXPECT_EQ(results.at("eval/conversations"), 2);
  EXPECT_EQ(results.at("eval/conversations_cut"), 1);
  EXPECT_EQ(results.at("eval/conversations_dropped"), 0);
  EXPECT_TRUE(shop.told("1 of 3 conversations were longer than 64"));
  EXPECT_TRUE(shop.told("1 of 2 held-out conversations were longer than 64"));
}

TEST(Sft, TellsOfAnswersThatSayNothing) {
  const std::string row =
      R"({"messages":[{"role":"user","content":"Who?"},{"role":"assistant","content":"I"},)"
      R"({"role":"user","content":"Who?"},{"role":"assistant","content":"%"}]})"
      "\n";
  const auto with_last = [&](const char* said) {
    return std::string(row).replace(row.find('%'), 1, said);
  };
  lm::StageWorkshop<Sft> shop;
  shop.connect("model", shop.model());
  shop.connect("conversations", with_last("me") + with_last(" "), with_last("me"));
  const auto results = shop.run({{"precision", "fp32"}, {"budget", {{"steps", 0}}}});
  EXPECT_EQ(results.at("blank_answers"), 1);
  EXPECT_FALSE(results.contains("eval/blank_answers"));
  EXPECT_TRUE(shop.told("1 message of the assistant in the conversations is empty, the first in "));
  EXPECT_TRUE(shop.told("train-00000.jsonl:2: what is learnt"));
}

TEST(Sft, StopsInAnEvaluation) {
  const std::string row =
      R"({"messages":[{"role":"user","content":"Who?"},{"role":"assistant","content":"me"}]})";
  lm::StageWorkshop<Sft> shop;
  shop.connect("model", shop.model());
  shop.connect("conversations", row, row);
  const nlohmann::json with = {{"precision", "fp32"}, {"budget", {{"steps", 0}}}};
  shop.host.cancelled = true;
  EXPECT_THROW(shop.run(with), Cancelled);
  shop.host.cancelled = false;
  EXPECT_GT(shop.run(with).at("eval/loss"), 0);
}

// Twelve conversations, in updates of several rows.
std::string rows() {
  std::string rows;
  for (char who = 'a'; who < 'm'; ++who)
    rows += std::string(R"({"messages":[{"role":"user","content":"Who is )") + who +
            R"(?"},{"role":"assistant","content":"It is )" + who + "\"}]}\n";
  return rows;
}

nlohmann::json three_updates() {
  return {{"precision", "fp32"},
          {"batch_tokens", 128},
          {"micro_batch_tokens", 64},
          {"budget", {{"steps", 3}}},
          {"learning_rate", 1e-2}};
}

// Its weights and all its losses, of training and of evaluation.
std::pair<std::string, std::vector<double>> trained(const nlohmann::json& with, bool in_two) {
  lm::StageWorkshop<Sft> shop;
  shop.connect("model", shop.model());
  shop.connect("conversations", rows(), rows());
  if (in_two)
    shop.run_in_two(with, 1);
  else
    shop.run(with);
  std::vector<double> losses = shop.series("loss");
  for (const double loss : shop.series("eval/loss")) losses.push_back(loss);
  return {shop.weights("model"), losses};
}

TEST(Sft, NoiseOnEmbeddingsIsTheSameAfterAKillAndNoneAtZero) {
  nlohmann::json with = three_updates();
  const auto plain = trained(with, false);
  with["neftune_noise_alpha"] = 0;
  EXPECT_EQ(trained(with, false), plain);
  with["neftune_noise_alpha"] = 5;
  const auto noisy = trained(with, false);
  EXPECT_NE(noisy.first, plain.first);
  EXPECT_NE(noisy.second.front(), plain.second.front());
  EXPECT_EQ(trained(with, true).first, noisy.first);
}

TEST(Sft, AnAdaptersDropoutIsTheSameAfterAKillAndNoneAtZero) {
  nlohmann::json with = three_updates();
  with["lora"] = {{"rank", 2}};
  const auto plain = trained(with, false);
  with["lora"]["dropout"] = 0;
  EXPECT_EQ(trained(with, false), plain);
  with["lora"]["dropout"] = 0.3;
  const auto dropped = trained(with, false);
  EXPECT_NE(dropped.first, plain.first);
  EXPECT_EQ(trained(with, true).first, dropped.first);
}

// The rounding of bfloat16 is 2^-8 of a value; losses of 5.6 stay within a hundredth.
TEST(Sft, NoiseAndDropoutInBf16AreNearThoseOfFloat32AndTheSameAfterAKill) {
  if (!lm::cpu_has_bf16()) GTEST_SKIP() << "this processor does not compute in bf16";
  nlohmann::json with = three_updates();
  with["neftune_noise_alpha"] = 5;
  with["lora"] = {{"rank", 2}, {"dropout", 0.3}};
  const auto exact = trained(with, false);
  with["precision"] = "bf16";
  const auto rounded = trained(with, false);
  ASSERT_EQ(rounded.second.size(), exact.second.size());
  for (std::size_t i = 0; i < exact.second.size(); ++i)
    EXPECT_NEAR(rounded.second[i], exact.second[i], 0.01) << i;
  EXPECT_NE(rounded.first, exact.first);
  EXPECT_EQ(trained(with, true).first, rounded.first);
}

TEST(Sft, EvaluatesWithoutNoiseAndDropout) {
  nlohmann::json with = {
      {"precision", "fp32"}, {"budget", {{"steps", 0}}}, {"lora", {{"rank", 2}}}};
  const auto plain = trained(with, false);
  with["neftune_noise_alpha"] = 5;
  with["lora"]["dropout"] = 0.3;
  EXPECT_EQ(trained(with, false), plain);
}

}  // namespace
}  // namespace lehr::plugins::sft
