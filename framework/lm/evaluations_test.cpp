// When the training loop evaluates, what patience and `save: best` make of it.
#include <gtest/gtest.h>

#include <cmath>

#include "lm/fake_host.h"
#include "lm/runtime.h"
#include "lm/small_model.h"
#include "lm/training_loop.h"

namespace lehr::lm {
namespace {

// A run of 8 steps over evaluations that a test gives, one before each step and one at the end.
struct Scored {
  std::vector<double> scores;
  bool higher_is_better = false;
  int64_t steps = 0;      // that were done
  int64_t stops_in = -1;  // asked to stop in the evaluation of this step
  float weight = 0;       // step k makes it k + 1

  void run(lehr_context& host, const TrainOptions& options) {
    Context context(&host, fake_host());
    Model model = Model::create(small_config(), 1, Precision::kFp32);
    model.make_trainable();
    TrainingLoop loop(context, options, 8);
    loop.keep("model", model, nullptr);
    loop.evaluate_with(
        [&] {
          if (loop.step() == stops_in) throw Cancelled();
          return Metrics{{"score", scores.at(static_cast<size_t>(loop.step()))}};
        },
        higher_is_better);
    for (loop.resume(); loop.next(); loop.log({}, 1))
      model.weights().fill_(static_cast<double>(loop.step() + 1));
    loop.finish();
    steps = loop.step();
    weight = model.weights().data_ptr<float>()[0];
  }
};

TrainOptions patient(int64_t patience) {
  TrainOptions options;
  options.eval_every = 1;
  options.patience = patience;
  options.checkpoint_every = 1e9;
  return options;
}

TEST(Evaluations, StopsOncePatienceIsAtItsEnd) {
  start_runtime(2);
  const double nan = std::nan("");
  const Scored lower{{5, 4, 6, 4, 3, 3, nan, 3.5, 2}}, higher{{1, 2, 0, 2, 3, 3, nan, 2, 4}, true};
  for (const Scored& scored : {lower, higher})
    for (const auto& [patience, steps] : {std::pair{0, 8}, {1, 2}, {2, 3}, {3, 7}, {4, 8}}) {
      lehr_context host;
      Scored run = scored;
      run.run(host, patient(patience));
      EXPECT_EQ(run.steps, steps) << patience;
      EXPECT_EQ(host.results.at("steps"), steps);
      EXPECT_EQ(host.results.contains("stopped_by_patience"), steps < 8) << patience;
      EXPECT_EQ(run.weight, static_cast<float>(steps)) << "save: last";
      EXPECT_EQ(host.latest, "step-" + std::to_string(steps));
    }
}

TEST(Evaluations, StoppingEarlyWithSaveBestGivesTheBestWeights) {
  start_runtime(2);
  lehr_context host;
  TrainOptions options = patient(2);
  options.save = "best";
  Scored run{{5, 4, 6, 7, 1, 1, 1, 1, 1}};
  run.run(host, options);
  EXPECT_EQ(run.steps, 3);
  EXPECT_EQ(run.weight, 1.0f);
  EXPECT_EQ(host.results.at("best_step"), 1);
  EXPECT_EQ(host.results.at("eval/score"), 4);
  EXPECT_NE(host.messages.back().find("was not better than at step 1"), std::string::npos);
}

TEST(Evaluations, ResumeCountsEvaluationsFromBefore) {
  start_runtime(2);
  for (const char* save : {"last", "best"}) {
    TrainOptions options = patient(3);
    options.save = save;
    Scored straight{{5, 4, 6, 4, 3, 3, 8, 3.5, 2}};
    lehr_context expected;
    straight.run(expected, options);
    ASSERT_EQ(straight.steps, 7);
    for (const int64_t stop : {1, 3, 5, 6, 7}) {
      lehr_context host;
      host.cancel_after = stop;
      Scored run = straight;
      EXPECT_THROW(run.run(host, options), Cancelled);
      host.cancel_after = -1;
      host.cancelled = false;
      run.run(host, options);
      EXPECT_EQ(host.lasting_metrics(), expected.lasting_metrics()) << stop;
      EXPECT_EQ(host.results, expected.results);
      run.run(host, options);  // as where it was killed before the results were published
      EXPECT_EQ(run.steps, 7);
      EXPECT_EQ(run.weight, straight.weight);
      EXPECT_EQ(host.results, expected.results);
    }
  }
}

TEST(Evaluations, AskedToStopInOneItKeepsTheStepsBefore) {
  start_runtime(2);
  TrainOptions options = patient(0);
  options.save = "best";
  const Scored scored{{5, 4, 6, 4, 3, 3, 8, 3.5, 2}};
  Scored straight = scored;
  lehr_context expected;
  straight.run(expected, options);
  for (const int64_t step : {0, 2, 7, 8}) {
    lehr_context host;
    Scored run = scored;
    run.stops_in = step;
    EXPECT_THROW(run.run(host, options), Cancelled);
    EXPECT_EQ(host.latest, step == 0 ? "" : "step-" + std::to_string(step));
    run.stops_in = -1;
    run.run(host, options);
    EXPECT_EQ(host.lasting_metrics(), expected.lasting_metrics()) << step;
    EXPECT_EQ(host.results, expected.results);
    EXPECT_EQ(run.weight, straight.weight);
  }
}

TEST(Evaluations, TellsThatThereIsNothingToEvaluateOn) {
  start_runtime(2);
  for (const int64_t patience : {0, 2}) {
    lehr_context host;
    Context context(&host, fake_host());
    const TrainOptions options = patient(patience);
    TrainingLoop loop(context, options, 1);
    loop.resume();
    EXPECT_EQ(host.messages.size(), patience > 0 ? 1u : 0u);
  }
}

TEST(Evaluations, TellsThatThereIsNothingToDoAtAll) {
  start_runtime(2);
  for (const bool held_out : {false, true}) {
    lehr_context host;
    Context context(&host, fake_host());
    const TrainOptions options;
    TrainingLoop loop(context, options, 0);
    if (held_out) loop.evaluate_with([] { return Metrics(); });
    loop.resume();
    EXPECT_EQ(host.messages.size(), held_out ? 0u : 1u);
  }
}

TEST(Evaluations, SaveBestKeepsTheWeightsOfTheBestEvaluation) {
  start_runtime(2);
  lehr_context host;
  Context context(&host, fake_host());
  Model model = Model::create(small_config(), 1, Precision::kFp32);
  model.make_trainable();
  TrainOptions options;
  options.save = "best";
  options.eval_every = 1;
  TrainingLoop loop(context, options, 4);
  loop.keep("model", model, nullptr);
  const std::vector<double> scores = {0.1, 0.4, 0.9, 0.3, 0.2};
  loop.evaluate_with(
      [&] {
        return Metrics{{"accuracy", scores[static_cast<size_t>(loop.step())]}};
      },
      true);
  for (loop.resume(); loop.next(); loop.log({}, 1))
    model.weights().fill_(static_cast<double>(loop.step() + 1));
  loop.finish();
  EXPECT_EQ(host.results.at("best_step"), 2);
  EXPECT_EQ(host.results.at("eval/accuracy"), 0.9);
  EXPECT_EQ(model.weights().data_ptr<float>()[0], 2.0f);
}
}  // namespace
}  // namespace lehr::lm
