// What every trainer shares around its own maths: the step count, durable checkpoints and resume,
// cancelling, evaluation at intervals, metrics and progress, the guard against NaN and loss spikes.
//
// Guard. A loss or gradient norm that is not finite, or a loss spike, never becomes an update: the
// batch runs once more, and where that does not help it is skipped, with weights and moments as
// before it. Where 8 updates in a row are skipped it is the weights that are bad: they go back to
// those of an anchor, a checkpoint from before the row, and the batches since then are left out.
// Anchors stand at multiples of a tenth of the run, at least 100 steps. All of this is a function
// of losses and steps alone, so that resuming repeats it.
//
// The stage keeps its loop and its loss:
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

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "lm/best_so_far.h"
#include "lm/checkpoint_writer.h"
#include "lm/loss_guard.h"
#include "lm/model.h"
#include "lm/optimizer.h"
#include "lm/train_options.h"

namespace lehr::lm {

struct Update {
  double loss = 0;
  double grad_norm = 0;  // before clipping
  double learning_rate = 0;
  bool applied = false;      // false: bad twice; weights and moments untouched, batch skipped
  bool rolled_back = false;  // the weights are those of an earlier step: what was computed is void
};

class TrainingLoop {
 public:
  // context and options must outlive the loop. total_steps 0: evaluation only; kStepsByTime: as
  // many as fit into the budget's time by what the first step takes, corrected once by what the
  // first ones took.
  TrainingLoop(Context& context, const TrainOptions& options, int64_t total_steps);

  // What a checkpoint holds; name it once, before resume(). The first one named is what `save:
  // best` keeps. optimizer null: weights only.
  void keep(std::string name, Model& model, Optimizer* optimizer);
  // Extra state beyond the step: written into and read from the checkpoint's JSON.
  void keep_state(std::function<nlohmann::json()> save,
                  std::function<void(const nlohmann::json&)> load);
  // Extra files in the checkpoint's folder; `save` runs in another thread while training goes on,
  // so it reads only what no step changes.
  void keep_files(std::function<void(const std::filesystem::path&)> save,
                  std::function<void(const std::filesystem::path&)> load);
  // Named values without the "eval/" prefix, which the loop adds. The first decides `save: best`
  // and whether patience is at its end: lower is better unless higher_is_better. `evaluate` asks
  // Context::cancelled() between its batches and throws Cancelled: it is done again on resume.
  void evaluate_with(std::function<Metrics()> evaluate, bool higher_is_better = false);

  // The weights with the best evaluation are kept whatever `save` says, so that go_back() finds
  // them. Before resume().
  void keep_best() { best_.keep_weights(); }

  // Goes on from the latest durable state, if it is one of the loop's: a stage may make others
  // before, under tags that do not begin with "step-".
  void resume();
  // True: do step(). Before that it evaluates where due, begins a checkpoint where due, and, when
  // asked to cancel, before or in an evaluation, commits one and throws Cancelled. False at the
  // last step, and where `patience` evaluations in a row were no better. Throws what went wrong
  // with a checkpoint.
  bool next();
  // Training ends at this step: `why` tells what is wrong with its weights. In a step without
  // updates yet, or in the evaluation, which then gives nothing. next() is false from now on, and
  // finish() puts back the best weights.
  void go_back(const std::string& why);
  // For a step that is long before its first update, in which it is asked to cancel: commits a
  // checkpoint of before the step, throws Cancelled.
  [[noreturn]] void stop();
  int64_t step() const { return step_; }
  int64_t total_steps() const { return total_steps_; }

  // compute() adds into the model's gradients (zero before) and returns the loss; it must be able
  // to run twice. Then clips and updates at the schedule's rate for this step, times `rate_scale`.
  // Throws lehr::Error where the guard finds no anchor to go back to.
  Update update(Model& model, Optimizer& optimizer, const std::function<double()>& compute,
                double rate_scale = 1);
  double learning_rate() const;  // of this step

  // Ends the step: publishes its metrics and progress, and adds `tokens` to the count. The first
  // metric is shown beside the bar.
  void log(const Metrics& metrics, int64_t tokens);
  int64_t tokens() const { return tokens_; }
  double step_seconds() const;  // since next() returned

  // Evaluates once more, puts the best weights back into the model for `save: best` and after
  // go_back(), and gives the results: eval/* of the weights that are kept, steps, tokens,
  // stopped_by_patience; timings as volatile.
  void finish();
  const Metrics& last_evaluation() const { return last_evaluation_; }

 private:
  struct Kept {
    std::string name;
    Model* model;
    Optimizer* optimizer;
    LossGuard guard;
    int64_t skipped_in_a_row = 0;
    int64_t first_skipped = 0;  // step of the row's first
  };
  using Clock = std::chrono::steady_clock;
  static constexpr const char* kTagPrefix = "step-";

  static std::string tag_of(int64_t step) { return kTagPrefix + std::to_string(step); }
  static double seconds_since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
  }
  void evaluate();
  std::string ending() const;  // how a message about it begins
  void stop_early();
  void begin_checkpoint(bool anchor);
  void await_checkpoint();  // where no step waits for it
  void report_checkpoint();
  nlohmann::json state() const;
  void load_models(const std::filesystem::path& checkpoint);
  bool evaluation_due() const;
  bool anchor_due() const;
  bool checkpoint_due() const;
  void settle_steps(Model& model, const std::function<double()>& compute);
  bool correction_due() const;
  void correct_steps();
  double spent_seconds() const { return spent_before_ + seconds_since(began_); }
  Kept& kept(const Model& model);
  // Empty: the update was made. Else what is wrong with loss or gradient.
  std::string attempt(Kept& kept, const std::function<double()>& compute, Update& update);
  bool weights_are_finite() const;
  void roll_back(int64_t first_bad_step, const std::string& why);

  Context& context_;
  const TrainOptions& options_;
  int64_t total_steps_;
  std::vector<Kept> kept_;
  std::function<nlohmann::json()> save_state_;
  std::function<void(const nlohmann::json&)> load_state_;
  std::function<void(const std::filesystem::path&)> save_files_, load_files_;
  std::function<Metrics()> evaluate_;

  int64_t step_ = 0;
  int64_t tokens_ = 0;
  int64_t skipped_ = 0, rolled_back_ = 0;
  int64_t evaluated_at_ = -1;
  int64_t committed_at_ = 0;          // or about to be
  std::vector<int64_t> checkpoints_;  // steps of the latest ones, kept by number
  std::vector<int64_t> anchors_;      // steps; the last two
  int64_t evaluations_ = 10;          // over the run, without eval.every
  bool settled_ = false;              // total_steps_ was found by timing, and is not durable
  bool to_correct_ = false;           // it was found by the first step alone
  double spent_before_ = 0;           // of the budget's time, by processes before this one
  Metrics last_evaluation_;
  BestSoFar best_;
  bool stopped_early_ = false, goes_back_ = false;
  Clock::time_point began_, step_began_, last_checkpoint_;
  // Of this process.
  double training_seconds_ = 0, first_step_seconds_ = 0, evaluation_seconds_ = 0;
  int64_t training_tokens_ = 0, training_steps_ = 0;
  double stall_seconds_ = 0, longest_stall_seconds_ = 0;  // of a checkpoint
  CheckpointWriter writer_;
};

}  // namespace lehr::lm
