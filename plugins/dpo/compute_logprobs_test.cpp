#include "compute_logprobs.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lm/feedback_rows_test.h"
#include "lm/safetensors.h"
#include "lm/stage_workshop_test.h"
#include "lm/training_estimate.h"
#include "train_dpo.h"
#include "train_kto.h"

namespace lehr::plugins::dpo {
namespace {

using Json = nlohmann::json;

template <class Any>
struct Bench : lm::StageWorkshop<Any> {
  Bench() {
    this->connect("model", this->model());
    this->connect("preferences",
                  lm::preference_rows({{"me", "nobody"}, {"you", "a"}, {"we", "they do"}}),
                  lm::preference_rows({{"she", "it"}, {"us", "them"}, {"all", "none of them"}}));
  }
};

// The stage that computes once, and the stages that take what it made.
struct Sweep {
  explicit Sweep(const Json& with) : pass_(with) { once_.run(with); }
  // Into `shop`; its results.
  std::map<std::string, double> train(Bench<TrainDpo>& shop, Json more) const {
    shop.host.inputs.emplace_back("logprobs", folder());
    return shop.run(whole(std::move(more)));
  }
  // What the parameters of training are with those of the pass.
  Json whole(Json more) const {
    Json all = {{"budget", {{"steps", 6}}}, {"learning_rate", 1e-2}};
    all.update(pass_);
    all.update(more);
    return all;
  }
  std::string folder() const { return (once_.host.root / "out" / "logprobs").string(); }

 private:
  Json pass_;
  Bench<ComputeLogprobs> once_;
};

const Json kShortRows = {{"precision", "fp32"}, {"batch_tokens", 32}, {"micro_batch_tokens", 16}};

TEST(ComputeLogprobs, GivesTrainingTheBytesOfAPassOfItsOwn) {
  for (const Json& pass : {Json{{"precision", "fp32"}}, kShortRows,
                           Json{{"precision", "fp32"}, {"eval", {{"tokens", 20}}}}}) {
    const Sweep sweep(pass);
    for (const Json& more : {Json{{"beta", 0.1}}, Json{{"beta", 0.5}, {"lora", {{"rank", 2}}}},
                             Json{{"loss", "ipo"}}, Json{{"loss", "orpo"}}}) {
      Bench<TrainDpo> own, given;
      const auto expected = own.run(sweep.whole(more));
      EXPECT_EQ(sweep.train(given, more), expected) << pass << more;
      EXPECT_EQ(given.weights("model"), own.weights("model")) << pass << more;
      EXPECT_EQ(given.host.lasting_metrics(), own.host.lasting_metrics()) << pass << more;
      EXPECT_FALSE(given.told("last bits"));
    }
  }
}

TEST(ComputeLogprobs, TrainingOnThemGoesOnWhereItWasStopped) {
  const Sweep sweep(kShortRows);
  Bench<TrainDpo> whole, stopped;
  const auto expected = sweep.train(whole, {{"beta", 0.3}});
  stopped.host.inputs.emplace_back("logprobs", sweep.folder());
  EXPECT_EQ(stopped.run_in_two(sweep.whole({{"beta", 0.3}}), 3), expected);
  EXPECT_EQ(stopped.weights("model"), whole.weights("model"));
}

TEST(ComputeLogprobs, GoesOnWhereItWasStopped) {
  const auto bytes = [](const Bench<ComputeLogprobs>& shop) {
    std::ifstream file(shop.host.root / "out/logprobs/logprobs.safetensors", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  Bench<ComputeLogprobs> whole, stopped;
  EXPECT_EQ(whole.run(kShortRows).at("pairs"), 3);
  stopped.run_in_two(kShortRows, 4, "pairs");
  EXPECT_TRUE(stopped.told("go on at pair 4 of 6"));
  EXPECT_EQ(bytes(stopped), bytes(whole));
  EXPECT_GT(bytes(whole).size(), 12 * sizeof(float));
}

TEST(ComputeLogprobs, TheReferenceIsNotReadWhereTheyAreGiven) {
  const Sweep sweep(kShortRows);
  Bench<TrainDpo> shop;
  shop.host.inputs.emplace_back("reference", "nowhere");
  EXPECT_NO_THROW(sweep.train(shop, {{"beta", 0.3}}));
}

TEST(ComputeLogprobs, NamesTheParametersInWhichTheStagesDiffer) {
  const Sweep sweep(kShortRows);
  const auto refusal = [&](const Json& more) -> std::string {
    Bench<TrainDpo> shop;
    try {
      sweep.train(shop, more);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal({{"max_length", 32}}),
            "input 'logprobs' does not go with this stage: max_length is 64 there, 32 here. Give "
            "both stages the same max_length");
  EXPECT_EQ(refusal({{"max_length", 32}, {"eval", {{"tokens", 1}}}}),
            "input 'logprobs' does not go with this stage: max_length is 64 there, 32 here; "
            "eval_pairs is 3 there, 1 here. Give both stages the same max_length, eval.tokens");
  EXPECT_EQ(refusal({{"max_length", 64}}), "") << "the model's context";
}

TEST(ComputeLogprobs, ServesOtherRowsToTheLastBits) {
  const Sweep sweep(kShortRows);
  Bench<TrainDpo> own, given;
  const Json other = {{"batch_tokens", 64}, {"micro_batch_tokens", 64}};
  const auto expected = own.run(sweep.whole(other));
  EXPECT_NEAR(sweep.train(given, other).at("eval/loss"), expected.at("eval/loss"), 1e-4);
  EXPECT_TRUE(given.told("batch_tokens is 32 there, 64 here; micro_batch_tokens is 16 there, 64 "));
}

TEST(ComputeLogprobs, EstimatesAPassThatOnlyReads) {
  Input model, preferences;
  model.port = "model";
  preferences.port = "preferences";
  const lm::ModelConfig config;
  model.facts = lm::model_facts(config, {});
  preferences.facts = R"({"train_rows":100,"train_messages":300,"train_bytes":9000})";
  Estimate unknown, pass, training;
  ComputeLogprobs().estimate({preferences}, unknown);
  EXPECT_FALSE(unknown.flops || unknown.memory_bytes);
  ComputeLogprobs().estimate({model, preferences}, pass);
  TrainDpo().estimate({model, preferences}, training);
  EXPECT_EQ(pass.tokens, training.tokens);
  EXPECT_NEAR(*pass.flops, *training.flops / 3, 1e-6 * *training.flops);
  EXPECT_LT(*pass.memory_bytes, *training.memory_bytes);
  EXPECT_FALSE(pass.steps);
}

TEST(ComputeKtoLogprobs, GiveTrainingTheBytesOfAPassOfItsOwn) {
  const std::string train = lm::feedback_rows({{"a", "me", true}, {"b", "you", false}}),
                    eval = lm::feedback_rows({{"c", "we", true}, {"d", "it", false}});
  const Json with = {{"precision", "fp32"}, {"budget", {{"steps", 4}}}};
  lm::StageWorkshop<ComputeKtoLogprobs> once;
  lm::StageWorkshop<TrainKto> own, given;
  once.connect("model", once.model());
  once.connect("feedback", train, eval);
  once.run({{"precision", "fp32"}});
  for (auto* shop : {&own, &given}) {
    shop->connect("model", shop->model());
    shop->connect("feedback", train, eval);
  }
  given.host.inputs.emplace_back("logprobs", (once.host.root / "out" / "logprobs").string());
  EXPECT_EQ(given.run(with), own.run(with));
  EXPECT_EQ(given.weights("model"), own.weights("model"));
  EXPECT_FALSE(given.told("last bits"));
}

}  // namespace
}  // namespace lehr::plugins::dpo
