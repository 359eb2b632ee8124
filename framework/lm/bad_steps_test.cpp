// What the training loop does with batches whose loss is no number or a spike.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "lm/fake_host.h"
#include "lm/small_model.h"
#include "lm/training_loop.h"

namespace lehr::lm {
namespace {

// A model, an optimizer and a loop whose losses are made up.
struct MadeUp {
  explicit MadeUp(lehr_context& its_host, int64_t steps = 100)
      : host(its_host),
        context(&host, fake_host()),
        model(Model::create(small_config(), 1, Precision::kFp32)) {
    options.checkpoint_every = 1e9;
    model.make_trainable();
    optimizer.emplace(model, OptimizerOptions{});
    loop.emplace(context, options, steps);
    loop->keep("model", model, &*optimizer);
    loop->resume();
  }
  double gradients_of(double loss) {
    model.gradients().fill_(std::isfinite(loss) ? 1.0 : loss);
    return loss;
  }
  // One step whose batch has this loss.
  Update step(double loss) {
    EXPECT_TRUE(loop->next());
    const Update update = loop->update(model, *optimizer, [&] { return gradients_of(loss); });
    loop->log({{"loss", loss}}, 1);
    return update;
  }

  lehr_context& host;
  Context context;
  TrainOptions options;
  Model model;
  std::optional<Optimizer> optimizer;
  std::optional<TrainingLoop> loop;
};

TEST(BadSteps, RunsABatchOnceMoreThenSkipsIt) {
  start_runtime(2);
  lehr_context host;
  MadeUp run(host);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  ASSERT_TRUE(run.loop->next());
  int calls = 0;
  Update update = run.loop->update(run.model, *run.optimizer,
                                   [&] { return run.gradients_of(++calls == 1 ? nan : 2.0); });
  EXPECT_TRUE(update.applied);
  EXPECT_EQ(update.loss, 2.0);
  run.loop->log({{"loss", 2.0}}, 1);

  ASSERT_TRUE(run.loop->next());
  const at::Tensor before = run.model.weights().clone();
  calls = 0;
  update = run.loop->update(run.model, *run.optimizer, [&] {
    ++calls;
    return run.gradients_of(nan);
  });
  EXPECT_EQ(calls, 2);
  EXPECT_FALSE(update.applied);
  EXPECT_TRUE(run.model.weights().equal(before));
  EXPECT_EQ(run.optimizer->updates(), 1);
  EXPECT_EQ(global_norm(run.model.gradients()), 0.0) << "the next step starts from zero";
  run.loop->log({{"loss", nan}}, 1);
  EXPECT_EQ(std::get<1>(run.host.metrics.back()), "skipped_updates");
}

TEST(BadSteps, GivesUpAfterEightSkippedUpdatesInARow) {
  start_runtime(2);
  lehr_context host;
  MadeUp run(host);
  for (int i = 0; i < 7; ++i) run.step(std::numeric_limits<double>::infinity());
  EXPECT_THROW(run.step(std::numeric_limits<double>::infinity()), Error);
}

TEST(BadSteps, SkipsABatchWhoseLossIsASpike) {
  start_runtime(2);
  lehr_context host;
  MadeUp run(host);
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(run.step(2.5 + 0.01 * (i % 3)).applied);
  const at::Tensor before = run.model.weights().clone();
  EXPECT_FALSE(run.step(9.0).applied);
  EXPECT_TRUE(run.model.weights().equal(before));
  EXPECT_EQ(run.optimizer->updates(), 40);
  EXPECT_NE(host.messages.back().find("loss 9 is a spike"), std::string::npos);
  EXPECT_TRUE(run.step(2.5).applied);
  EXPECT_EQ(std::get<1>(host.metrics.back()), "skipped_updates");
}

TEST(BadSteps, ARunThatExplodesAtOnceEndsWithAnError) {
  start_runtime(2);
  lehr_context host;
  MadeUp run(host);
  EXPECT_TRUE(run.step(2.6).applied);
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(run.step(1727).applied);
  EXPECT_THROW(run.step(11440), Error);
}

TEST(BadSteps, ARunThatEndsFarAboveItsFirstLossSaysSo) {
  start_runtime(2);
  for (const double last : {5.0, 7.0}) {
    lehr_context host;
    MadeUp run(host);
    run.step(2.6);
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(run.step(last).applied);
    run.loop->finish();
    const bool told = std::any_of(host.messages.begin(), host.messages.end(), [](const auto& m) {
      return m.find("the first was 2.6: training diverged; lower learning_rate") != m.npos;
    });
    EXPECT_EQ(told, last == 7.0);
  }
}

constexpr int64_t kFirstBad = 120, kLastBad = 127, kSteps = 200;
double loss_at(int64_t step) {
  const bool bad = step >= kFirstBad && step <= kLastBad;
  return bad ? std::numeric_limits<double>::quiet_NaN()
             : 2.5 + 0.01 * static_cast<double>(step % 3);
}

// Trains to the end, being cancelled after each of `stops`.
std::vector<float> train_through_a_bad_stretch(lehr_context& host,
                                               const std::vector<int64_t>& stops) {
  for (size_t attempt = 0;; ++attempt) {
    MadeUp run(host, kSteps);
    host.cancelled = false;
    host.cancel_after = attempt < stops.size() ? stops[attempt] : -1;
    try {
      while (run.loop->next()) {
        const double loss = loss_at(run.loop->step());
        run.loop->update(run.model, *run.optimizer, [&] { return run.gradients_of(loss); });
        run.loop->log({}, 1);
      }
      run.loop->finish();
    } catch (const Cancelled&) {
      continue;
    }
    const float* weights = run.model.weights().const_data_ptr<float>();
    return {weights, weights + run.model.weights().numel()};
  }
}

TEST(BadSteps, GoesBackToTheAnchorAfterEightSkippedUpdatesAndGoesOn) {
  start_runtime(2);
  lehr_context host;
  MadeUp run(host, kSteps);
  at::Tensor anchor;
  for (int64_t step = 0; step <= kLastBad; ++step) {
    if (step == 100) anchor = run.model.weights().clone();
    const Update update = run.step(loss_at(step));
    EXPECT_EQ(update.applied, step < kFirstBad);
    EXPECT_EQ(update.rolled_back, step == kLastBad);
  }
  EXPECT_TRUE(run.model.weights().equal(anchor));
  EXPECT_EQ(run.optimizer->updates(), 100);
  EXPECT_TRUE(run.step(2.5).applied);
  while (run.loop->next()) {
    run.loop->update(run.model, *run.optimizer, [&] { return run.gradients_of(2.5); });
    run.loop->log({}, 1);
  }
  run.loop->finish();
  EXPECT_EQ(host.results.at("rolled_back"), 1);
  EXPECT_EQ(host.results.at("skipped_updates"), 8);
}

TEST(BadSteps, KilledAroundARollBackItGivesTheSameBits) {
  start_runtime(2);
  lehr_context straight;
  const std::vector<float> expected = train_through_a_bad_stretch(straight, {});
  for (const std::vector<int64_t>& stops :
       {std::vector<int64_t>{101, 124}, {kLastBad}, {128, 150}}) {
    lehr_context host;
    EXPECT_EQ(train_through_a_bad_stretch(host, stops), expected) << "stopped at " << stops[0];
    EXPECT_EQ(host.results, straight.results);
  }
}

TEST(BadSteps, MakesNoCheckpointOfWeightsThatAreNotFinite) {
  start_runtime(2);
  lehr_context host;
  MadeUp run(host);
  run.options.checkpoint_steps = 2;
  run.step(2.5);
  run.step(2.5);
  run.step(2.5);
  run.model.weights()[3] = std::numeric_limits<float>::quiet_NaN();
  run.step(2.5);
  host.cancelled = true;
  EXPECT_THROW(run.loop->next(), Cancelled);
  EXPECT_EQ(host.latest, "step-2");
  EXPECT_THROW(run.loop->finish(), Error) << "nor does it become the result";
}

}  // namespace
}  // namespace lehr::lm
