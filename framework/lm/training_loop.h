// What every trainer shares around its own maths: the step count, durable checkpoints and resume,
// cancelling, evaluation at intervals, metrics and progress, the guard against NaN. The stage keeps
// its loop and its loss:
//
//   TrainingLoop loop(context, options, total_steps);
//   loop.keep("model", model, &optimizer);
//   loop.evaluate_with([&] { return evaluate(model); });
//   for (loop.resume(); loop.next();) {
//     const auto rows = feed.step(loop.step());
//     double loss = 0;
//     const Update update = loop.update(model, optimizer, [&] { return loss = gradients(rows); });
//     loop.log({{"loss", loss}, {"grad_norm", update.grad_norm}}, tokens);
//   }
//   loop.finish();
#pragma once

#include <lehr/context.h>
#include <lehr/description.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lm/model.h"
#include "lm/optimizer.h"
#include "lm/schedule.h"

namespace lehr::lm {

// How long to train; at most one is given.
struct Budget {
  std::optional<int64_t> steps;  // 0: evaluate only
  std::optional<int64_t> tokens;
  std::optional<double> epochs;
};

struct TrainOptions {
  Budget budget;
  LoraOptions lora;  // for stages that declare it
  Schedule schedule;
  AdamWOptions optimizer;
  int64_t batch_tokens = 4096;        // of one update
  int64_t micro_batch_tokens = 2048;  // of one packed row: memory, and the shape of the products
  std::string precision = "auto";
  std::optional<int64_t> eval_every;   // steps; null: ten times over the run
  std::optional<int64_t> eval_tokens;  // of the evaluation set; null: all of it
  std::string save = "last";           // best: the weights with the best evaluation metric
  double checkpoint_every = 60;        // seconds
  std::optional<int64_t> checkpoint_steps;

  int64_t row_tokens() const;     // micro_batch_tokens, at most batch_tokens
  int64_t rows_per_step() const;  // batch_tokens / row_tokens, rounded up
};

// Declares budget, learning_rate, schedule, optimizer, batch_tokens, micro_batch_tokens, precision,
// eval, save and checkpoint; the defaults are what `options` holds.
void describe(Description& d, TrainOptions& options);
// The part for stages that count batches their own way (PPO): all but batch_tokens and budget.
void describe_training(Description& d, TrainOptions& options);
// Rules across parameters; throws lehr::Error.
void check(const TrainOptions& options);

// Steps for a budget: given tokens of one step and steps of a number of epochs. Without a budget:
// `default_epochs`.
int64_t steps_of(const Budget& budget, int64_t tokens_per_step,
                 const std::function<int64_t(double epochs)>& steps_in_epochs,
                 double default_epochs = 1);

using Metrics = std::vector<std::pair<std::string, double>>;

struct Update {
  double loss = 0;
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  bool applied = false;  // false: not finite twice; weights and moments untouched, batch skipped
};

class TrainingLoop {
 public:
  // context and options must outlive the loop. total_steps 0: evaluation only.
  TrainingLoop(Context& context, const TrainOptions& options, int64_t total_steps);

  // What a checkpoint holds; name it once, before resume(). The first one named is what `save:
  // best` keeps. optimizer null: weights only.
  void keep(std::string name, Model& model, AdamW* optimizer);
  // Extra state beyond the step: written into and read from the checkpoint's JSON.
  void keep_state(std::function<nlohmann::json()> save,
                  std::function<void(const nlohmann::json&)> load);
  // Extra files in the checkpoint's folder (rollouts, say).
  void keep_files(std::function<void(const std::filesystem::path&)> save,
                  std::function<void(const std::filesystem::path&)> load);
  // Named values without the "eval/" prefix, which the loop adds. The first decides `save: best`:
  // lower is better unless higher_is_better.
  void evaluate_with(std::function<Metrics()> evaluate, bool higher_is_better = false);

  // Goes on from the latest durable state, if there is one.
  void resume();
  // True: do step(). Before that it evaluates where due, commits a checkpoint where due, and, when
  // asked to cancel, commits and throws Cancelled.
  bool next();
  int64_t step() const { return step_; }
  int64_t total_steps() const { return total_steps_; }

  // compute() adds into the model's gradients (zero before) and returns the loss; it must be able
  // to run twice. Then clips and updates at the schedule's rate for this step. A loss or norm that
  // is not finite: compute once more, then skip and count the batch; throws lehr::Error after 8
  // skipped updates in a row.
  Update update(Model& model, AdamW& optimizer, const std::function<double()>& compute);
  double learning_rate() const;  // of this step

  // Ends the step: publishes its metrics and progress, and adds `tokens` to the count. The first
  // metric is shown beside the bar.
  void log(const Metrics& metrics, int64_t tokens);
  int64_t tokens() const { return tokens_; }
  double step_seconds() const;  // since next() returned

  // Evaluates once more, puts the best weights back into the model for `save: best`, and gives the
  // results: eval/* of the weights that are kept, steps, tokens; timings as volatile.
  void finish();
  const Metrics& last_evaluation() const { return last_evaluation_; }

 private:
  struct Kept {
    std::string name;
    Model* model;
    AdamW* optimizer;
  };
  using Clock = std::chrono::steady_clock;

  void evaluate();
  void checkpoint();
  bool evaluation_due() const;
  bool checkpoint_due() const;

  Context& context_;
  const TrainOptions& options_;
  int64_t total_steps_;
  std::vector<Kept> kept_;
  std::function<nlohmann::json()> save_state_;
  std::function<void(const nlohmann::json&)> load_state_;
  std::function<void(const std::filesystem::path&)> save_files_, load_files_;
  std::function<Metrics()> evaluate_;
  bool higher_is_better_ = false;

  int64_t step_ = 0;
  int64_t tokens_ = 0;
  int64_t skipped_ = 0, skipped_in_a_row_ = 0;
  int64_t evaluated_at_ = -1;
  int64_t committed_at_ = 0;
  Metrics last_evaluation_;
  Metrics best_evaluation_;
  int64_t best_step_ = 0;
  std::optional<ParameterBuffer> best_;
  Clock::time_point step_began_, last_checkpoint_;
  double training_seconds_ = 0;  // of this process
  int64_t training_tokens_ = 0;
};

}  // namespace lehr::lm
