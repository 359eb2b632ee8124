#include "lm/training_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "lm/checkpoint.h"
#include "lm/fake_host.h"
#include "lm/operators.h"
#include "lm/random.h"
#include "lm/sequence_feed.h"
#include "lm/stored_sequences_test.h"

namespace lehr::lm {
namespace {

ModelConfig tiny() {
  ModelConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.layers = 2;
  config.heads = config.kv_heads = 2;
  config.head_dim = 16;
  config.vocab_size = 50;
  config.max_position_embeddings = 64;
  return config;
}

SequenceFeed feed_of_random_tokens() {
  const Random random(3, Purpose::kUser);
  std::vector<Sequence> sequences;
  for (uint64_t i = 0; i < 40; ++i) {
    Sequence s;
    const uint64_t length = 4 + random.below(i, 20);
    for (uint64_t j = 0; j < length; ++j)
      s.trunk.ids.push_back(static_cast<int32_t>(random.below(1000 + i * 100 + j, 50)));
    s.trunk.weights.assign(length, 1.0f);
    sequences.push_back(std::move(s));
  }
  SequenceFeedOptions options;
  options.row_tokens = 48;
  options.step_tokens = 96;
  options.seed = 5;
  return SequenceFeed(stored(sequences), options);
}

double mean_loss(const Model& model, std::vector<Packed> rows, bool backward) {
  size_t count = 0;
  for (const Packed& row : rows) count += row.batch.loss_entries.size();
  double loss = 0;
  for (Packed& row : rows) {
    for (LossEntry& entry : row.batch.loss_entries) entry.weight = 1.0f / static_cast<float>(count);
    const CrossEntropy ce =
        linear_cross_entropy(model.forward_hidden(row.batch), model.head(), row.batch.loss_entries);
    if (backward) model.backward(ce.loss);
    loss += ce.loss.item<double>();
  }
  return loss;
}

struct Trained {
  std::vector<float> weights, moments;
};

// Trains until the end, or until the host cancels.
Trained train(lehr_context& host, const TrainOptions& options, int64_t steps,
              std::chrono::milliseconds evaluation = {}, std::chrono::milliseconds late_pass = {}) {
  Context context(&host, fake_host());
  Model model = Model::create(tiny(), 1, parse_precision(options.precision));
  model.make_trainable();
  Optimizer optimizer(model, options.optimizer);
  SequenceFeed feed = feed_of_random_tokens();
  const std::vector<Packed> held_out = feed.step(1000);
  TrainingLoop loop(context, options, steps);
  loop.keep("model", model, &optimizer);
  loop.evaluate_with([&] {
    std::this_thread::sleep_for(evaluation);
    return Metrics{{"loss", mean_loss(model, held_out, false)}};
  });
  int passes = 0;
  for (loop.resume(); loop.next();) {
    const auto rows = feed.step(loop.step());
    const Update update = loop.update(model, optimizer, [&] {
      if (++passes > 4) std::this_thread::sleep_for(late_pass);
      return mean_loss(model, rows, true);
    });
    loop.log({{"loss", update.loss}, {"grad_norm", update.grad_norm}}, 96);
  }
  loop.finish();
  const auto floats = [](const at::Tensor& t) {
    return std::vector<float>(t.data_ptr<float>(), t.data_ptr<float>() + t.numel());
  };
  return {floats(model.weights()), floats(optimizer.exp_avg_sq())};
}

TrainOptions options_of(const char* precision) {
  TrainOptions options;
  options.precision = precision;
  options.schedule.learning_rate = 1e-2;
  options.eval_every = 3;
  options.checkpoint_every = 1e9;
  return options;
}

std::vector<const char*> precisions() {
  return cpu_has_bf16() ? std::vector{"fp32", "bf16"} : std::vector{"fp32"};
}

class Precisions : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { start_runtime(2); }
};

TEST_P(Precisions, ResumeAfterCancellingGivesTheSameBits) {
  for (const auto& [save, optimizer] :
       {std::pair{"last", "adamw"}, {"best", "adamw"}, {"last", "muon"}}) {
    TrainOptions options = options_of(GetParam());
    options.save = save;
    options.optimizer.kind = optimizer;
    lehr_context straight;
    const Trained expected = train(straight, options, 14);
    for (const int64_t first : {1, 6, 9}) {
      lehr_context host;
      for (const int64_t stop : {first, first + 4}) {
        host.cancel_after = stop;
        host.cancelled = false;
        EXPECT_THROW(train(host, options, 14), Cancelled);
      }
      host.cancel_after = -1;
      host.cancelled = false;
      const Trained resumed = train(host, options, 14);
      EXPECT_EQ(resumed.weights, expected.weights)
          << "cancelled at " << first << ", " << save << ", " << optimizer;
      EXPECT_EQ(resumed.moments, expected.moments);
      EXPECT_EQ(host.lasting_metrics(), straight.lasting_metrics());
      EXPECT_EQ(host.results, straight.results);
    }
  }
}

TEST_P(Precisions, GoingOnFromAnOlderCheckpointGivesTheSameBits) {
  TrainOptions options = options_of(GetParam());
  lehr_context straight;
  const Trained expected = train(straight, options, 11);
  options.checkpoint_steps = 4;
  lehr_context host;
  host.commits_left = 2;  // what came after step 8 is lost
  train(host, options, 11);
  EXPECT_EQ(host.latest, "step-8");
  host.commits_left = -1;
  const Trained again = train(host, options, 11);
  EXPECT_EQ(again.weights, expected.weights);
  EXPECT_EQ(host.latest, "step-11") << "the last state is durable too";
}

INSTANTIATE_TEST_SUITE_P(All, Precisions, testing::ValuesIn(precisions()),
                         [](const auto& p) { return std::string(p.param); });

TEST(TrainingLoop, LossFallsAndTheLastEvaluationIsTheResult) {
  start_runtime(2);
  lehr_context host;
  train(host, options_of("fp32"), 30);
  std::vector<double> losses;
  for (const auto& [step, name, value] : host.metrics)
    if (name == "loss") losses.push_back(value);
  ASSERT_EQ(losses.size(), 30u);
  EXPECT_NEAR(losses.front(), std::log(50.0), 0.05);
  EXPECT_LT(losses.back(), losses.front() - 0.5);
  EXPECT_EQ(host.results.at("steps"), 30);
  EXPECT_EQ(host.results.at("tokens"), 30 * 96);
  const auto last = std::find_if(host.metrics.rbegin(), host.metrics.rend(),
                                 [](const auto& m) { return std::get<1>(m) == "eval/loss"; });
  ASSERT_NE(last, host.metrics.rend());
  EXPECT_EQ(std::get<0>(*last), 30);
  EXPECT_EQ(host.results.at("eval/loss"), std::get<2>(*last));
}

TEST(TrainingLoop, ZeroStepsEvaluatesOnlyAndLeavesTheWeights) {
  start_runtime(2);
  lehr_context host;
  const Trained run = train(host, options_of("fp32"), 0);
  const Model model = Model::create(tiny(), 1, Precision::kFp32);
  EXPECT_EQ(std::memcmp(run.weights.data(), model.weights().data_ptr(),
                        run.weights.size() * sizeof(float)),
            0);
  ASSERT_EQ(host.metrics.size(), 1u);
  EXPECT_TRUE(host.latest.empty());
  EXPECT_EQ(std::get<1>(host.metrics[0]), "eval/loss");
  EXPECT_NEAR(host.results.at("eval/loss"), std::log(50.0), 0.05);
}

TEST(TrainingLoop, AFailedCheckpointEndsTheRun) {
  start_runtime(2);
  lehr_context host;
  host.fail_commits = true;
  TrainOptions options = options_of("fp32");
  options.checkpoint_steps = 2;
  EXPECT_THROW(train(host, options, 10), Error);
  lehr_context at_the_end;
  at_the_end.fail_commits = true;
  EXPECT_THROW(train(at_the_end, options_of("fp32"), 3), Error);
}

TEST(TrainingLoop, KeepsAsManyCheckpointsAsItIsTold) {
  start_runtime(2);
  for (const int64_t keep : {1, 3}) {
    lehr_context host;
    TrainOptions options = options_of("fp32");
    options.checkpoint_steps = 2;
    options.checkpoint_keep = keep;
    train(host, options, 9);
    EXPECT_EQ(host.tags, keep == 1 ? std::vector<std::string>{"step-9"}
                                   : (std::vector<std::string>{"step-6", "step-8", "step-9"}));
  }
}

TEST(TrainingLoop, ReportsWhatACheckpointCostsBesideAStep) {
  start_runtime(2);
  lehr_context host;
  TrainOptions options = options_of("fp32");
  options.checkpoint_steps = 4;
  train(host, options, 9);
  std::map<std::string, int> counts;
  for (const auto& [step, name, value] : host.metrics)
    if (name.starts_with("checkpoint/")) {
      ++counts[name];
      EXPECT_GE(value, 0) << name;
    }
  EXPECT_EQ(counts, (std::map<std::string, int>{{"checkpoint/stall_ms", 3},
                                                {"checkpoint/step_ms", 3},
                                                {"checkpoint/write_ms", 3}}));
}

TEST(TrainingLoop, ABudgetOfTimeSettlesTheStepsOnceAndResumeKeepsThem) {
  start_runtime(2);
  TrainOptions options = options_of("fp32");
  options.budget.time = 1e-9;
  lehr_context short_run;
  train(short_run, options, kStepsByTime);
  EXPECT_EQ(short_run.results.at("steps"), 1);

  options.budget.time = 1e5;
  lehr_context host;
  host.cancel_after = 3;
  EXPECT_THROW(train(host, options, kStepsByTime), Cancelled);
  const auto settled_steps = [&] {
    return read_state(host.root / "state" / host.latest / "training.json")
        .at("total_steps")
        .get<int64_t>();
  };
  const int64_t steps = settled_steps();
  EXPECT_GT(steps, 1000);
  host.cancel_after = 5;
  host.cancelled = false;
  EXPECT_THROW(train(host, options, kStepsByTime), Cancelled);
  EXPECT_EQ(host.latest, "step-5");
  EXPECT_EQ(settled_steps(), steps);
}

// The passes that are timed are quick, those of the steps are not.
TEST(TrainingLoop, ABudgetOfTimeIsCorrectedByTheFirstSteps) {
  start_runtime(2);
  TrainOptions options = options_of("fp32");
  options.eval_every = 0;
  options.budget.time = 1;
  lehr_context host;
  train(host, options, kStepsByTime, {}, std::chrono::milliseconds(20));
  EXPECT_LE(host.results.at("steps"), 55) << "more passes than fit into a second";
}

// Ten evaluations would take longer than there is.
TEST(TrainingLoop, ABudgetOfTimeIsNotSpentOnEvaluations) {
  start_runtime(2);
  TrainOptions options = options_of("fp32");
  options.eval_every.reset();
  options.budget.time = 1;
  lehr_context host;
  train(host, options, kStepsByTime, std::chrono::milliseconds(150));
  EXPECT_GT(host.results.at("steps"), 1);
  EXPECT_LE(std::count_if(host.metrics.begin(), host.metrics.end(),
                          [](const auto& metric) { return std::get<1>(metric) == "eval/loss"; }),
            3);
}

}  // namespace
}  // namespace lehr::lm
