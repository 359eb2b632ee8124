#include "lm/training_loop.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "lm/device.h"
#include "lm/runtime.h"

namespace lehr::lm {
namespace {

constexpr int kStateFormat = 3;
constexpr int64_t kLeastAnchorSteps = 100;
constexpr size_t kAnchors = 2;   // where the newer one was taken too late, there is one from before
constexpr int kTimedPasses = 3;  // by which a budget of time is turned into steps
// The first step says nothing of the optimizer, of feeding and of a machine that is busy later.
constexpr int64_t kStepsToCorrectBy = 8;
constexpr double kTimeToCorrectBy = 0.05;  // of the budget's
constexpr double kEvaluationShare =
    0.2;  // of a budget of time, at most, unless eval.every is given

void keep_last(std::vector<int64_t>& steps, size_t count) {
  if (steps.size() > count)
    steps.erase(steps.begin(), steps.end() - static_cast<std::ptrdiff_t>(count));
}

}  // namespace

TrainingLoop::TrainingLoop(Context& context, const TrainOptions& options, int64_t total_steps)
    : context_(context),
      options_(options),
      total_steps_(total_steps),
      best_(options.save == "best"),
      writer_(context) {}

void TrainingLoop::keep(std::string name, Model& model, Optimizer* optimizer) {
  // Losses of tokens: a score's and a critic's may be of any size.
  const ModelConfig& config = model.config();
  const bool of_tokens = config.head == HeadKind::kLanguage && !config.value_head;
  const double of_guessing = of_tokens ? std::log(static_cast<double>(config.vocab_size)) : 0;
  kept_.push_back(
      {std::move(name), &model, optimizer, LossGuard(options_.spike_deviations, of_guessing)});
}

void TrainingLoop::keep_state(std::function<nlohmann::json()> save,
                              std::function<void(const nlohmann::json&)> load) {
  save_state_ = std::move(save);
  load_state_ = std::move(load);
}

void TrainingLoop::keep_files(std::function<void(const std::filesystem::path&)> save,
                              std::function<void(const std::filesystem::path&)> load) {
  save_files_ = std::move(save);
  load_files_ = std::move(load);
}

void TrainingLoop::evaluate_with(std::function<Metrics()> evaluate, bool higher_is_better) {
  evaluate_ = std::move(evaluate);
  best_.prefer_higher(higher_is_better);
}

nlohmann::json TrainingLoop::state() const {
  nlohmann::json state = {{"format", kStateFormat},
                          {"step", step_},
                          {"total_steps", total_steps_},
                          {"evaluations", evaluations_},
                          {"tokens", tokens_},
                          {"skipped", skipped_},
                          {"rolled_back", rolled_back_},
                          {"evaluated_at", evaluated_at_},
                          {"last_evaluation", to_json(last_evaluation_)},
                          {"checkpoints", checkpoints_},
                          {"anchors", anchors_},
                          {"numerics", numerics_fingerprint()}};
  if (to_correct_) state["spent_seconds"] = spent_seconds();
  best_.save(state);
  for (const Kept& kept : kept_)
    state["guards"][kept.name] = {{"losses", kept.guard.state()},
                                  {"skipped_in_a_row", kept.skipped_in_a_row},
                                  {"first_skipped", kept.first_skipped}};
  if (save_state_) state["extra"] = save_state_();
  return state;
}

void TrainingLoop::begin_checkpoint(bool anchor) {
  Clock::time_point began = Clock::now();
  if (writer_.running()) {
    writer_.wait();
    stall_seconds_ += seconds_since(began);
    report_checkpoint();
    began = Clock::now();
  }
  settled_ = false;
  last_checkpoint_ = began;
  if (!weights_are_finite()) {
    context_.warning("step " + std::to_string(step_) +
                     ": a weight is not finite; no checkpoint is made of it");
    return;
  }
  if (anchor) anchors_.push_back(step_);
  keep_last(anchors_, kAnchors);
  checkpoints_.push_back(step_);
  keep_last(checkpoints_, static_cast<size_t>(options_.checkpoint_keep));
  Checkpoint checkpoint;
  for (const Kept& kept : kept_)
    checkpoint.parts.push_back(checkpoint_part(kept.name, kept.model->trained(), kept.optimizer));
  if (best_.weights() != nullptr)
    checkpoint.frozen.push_back(checkpoint_part("best", *best_.weights(), nullptr));
  checkpoint.state = state();
  checkpoint.files = save_files_;
  checkpoint.tag = tag_of(step_);
  for (const std::vector<int64_t>* steps : {&checkpoints_, &anchors_})
    for (const int64_t step : *steps)
      if (step != step_) checkpoint.keep.push_back(tag_of(step));
  writer_.start(std::move(checkpoint));
  committed_at_ = step_;
  stall_seconds_ = seconds_since(began);
}

void TrainingLoop::await_checkpoint() {
  if (!writer_.running()) return;
  writer_.wait();
  report_checkpoint();
}

void TrainingLoop::report_checkpoint() {
  context_.metric(step_, "checkpoint/stall_ms", 1e3 * stall_seconds_);
  context_.metric(step_, "checkpoint/write_ms", 1e3 * writer_.seconds());
  if (training_steps_ > 0)
    context_.metric(step_, "checkpoint/step_ms",
                    1e3 * training_seconds_ / static_cast<double>(training_steps_));
  longest_stall_seconds_ = std::max(longest_stall_seconds_, stall_seconds_);
}

void TrainingLoop::load_models(const std::filesystem::path& checkpoint) {
  for (const Kept& kept : kept_)
    load_checkpoint(checkpoint / kept.name, kept.model->trained(), kept.optimizer);
}

void TrainingLoop::resume() {
  began_ = last_checkpoint_ = Clock::now();
  if (!evaluate_ && (options_.save == "best" || options_.patience > 0))
    context_.warning(
        "there is no held-out part to evaluate on: 'save: best' and 'eval.patience' do nothing");
  if (!evaluate_ && total_steps_ == 0)
    context_.warning(
        "there are no steps to train and no held-out part to evaluate on: the model comes out as "
        "it began, and nothing is measured");
  const auto found = context_.latest_state();
  if (!found || !found->tag.starts_with(kTagPrefix)) return;
  const nlohmann::json state = read_state(found->path / "training.json");
  if (state.value("format", 0) != kStateFormat)
    throw Error(found->path.string() +
                ": the checkpoint was written by another version of Lehr; remove the stage's "
                "working folder to start afresh");
  if (total_steps_ == kStepsByTime) {
    total_steps_ = state.at("total_steps");
    evaluations_ = state.value("evaluations", evaluations_);
    to_correct_ = state.contains("spent_seconds");
    spent_before_ = state.value("spent_seconds", 0.0);
  }
  if (state.at("total_steps").get<int64_t>() != total_steps_)
    throw Error(found->path.string() + ": the checkpoint belongs to a run of " +
                state.at("total_steps").dump() + " steps, not " + std::to_string(total_steps_) +
                "; remove the stage's working folder to start afresh");
  load_models(found->path);
  step_ = state.at("step");
  tokens_ = state.at("tokens");
  skipped_ = state.at("skipped");
  rolled_back_ = state.at("rolled_back");
  evaluated_at_ = state.at("evaluated_at");
  last_evaluation_ = to_metrics(state.at("last_evaluation"));
  best_.restore(state, found->path / "best", kept_.front().model->trained());
  checkpoints_ = state.at("checkpoints").get<std::vector<int64_t>>();
  anchors_ = state.at("anchors").get<std::vector<int64_t>>();
  for (Kept& kept : kept_) {
    const nlohmann::json& guard = state.at("guards").at(kept.name);
    kept.guard.restore(guard.at("losses"));
    kept.skipped_in_a_row = guard.at("skipped_in_a_row");
    kept.first_skipped = guard.at("first_skipped");
  }
  if (load_state_) load_state_(state.at("extra"));
  if (load_files_) load_files_(found->path);
  committed_at_ = step_;
  if (state.at("numerics") != numerics_fingerprint())
    context_.warning("the checkpoint was written by " + state.at("numerics").get<std::string>() +
                     ", this is " + numerics_fingerprint() + ": results may differ in last bits");
  context_.info("goes on at step " + std::to_string(step_) + " of " + std::to_string(total_steps_));
}

bool TrainingLoop::evaluation_due() const {
  if (!evaluate_ || evaluated_at_ == step_) return false;
  const int64_t every =
      options_.eval_every.value_or(std::max<int64_t>(1, total_steps_ / evaluations_));
  return every > 0 && step_ % every == 0;
}

bool TrainingLoop::anchor_due() const {
  const int64_t every = std::max(kLeastAnchorSteps, (total_steps_ + 9) / 10);
  const bool healthy = std::all_of(kept_.begin(), kept_.end(),
                                   [](const Kept& kept) { return kept.skipped_in_a_row == 0; });
  return step_ > 0 && step_ != committed_at_ && step_ % every == 0 && healthy;
}

bool TrainingLoop::checkpoint_due() const {
  if (step_ == committed_at_) return false;
  if (options_.checkpoint_steps && step_ % *options_.checkpoint_steps == 0) return true;
  if (writer_.running()) return false;  // a slow disk is no reason to stand still
  return settled_ || seconds_since(last_checkpoint_) >= options_.checkpoint_every;
}

bool TrainingLoop::next() {
  if (writer_.ended()) report_checkpoint();
  if (correction_due()) correct_steps();
  if (step_ >= total_steps_ && total_steps_ != kStepsByTime) return false;
  if (context_.cancelled()) stop();
  if (evaluation_due()) evaluate();
  if (goes_back_) return false;
  if (options_.patience > 0 && best_.no_better_since() >= options_.patience) {
    stop_early();
    return false;
  }
  if (anchor_due() || checkpoint_due()) begin_checkpoint(anchor_due());
  step_began_ = Clock::now();
  return true;
}

void TrainingLoop::stop() {
  if (step_ != committed_at_) begin_checkpoint(anchor_due());
  await_checkpoint();
  throw Cancelled();
}

std::string TrainingLoop::ending() const {
  return "training stops at step " + std::to_string(step_) + " of " + std::to_string(total_steps_) +
         ": ";
}

void TrainingLoop::stop_early() {
  stopped_early_ = true;
  const std::string name =
      last_evaluation_.empty() ? "" : "eval/" + last_evaluation_.front().first + " ";
  context_.info(ending() + name + "was not better than at step " + std::to_string(best_.step()) +
                " in " + std::to_string(best_.no_better_since()) + " evaluations in a row");
}

void TrainingLoop::go_back(const std::string& why) {
  goes_back_ = true;
  const Metrics& best = best_.evaluation();
  context_.warning(ending() + why +
                   (best.empty()
                        ? "; there is no evaluation from before to go back to"
                        : "; the weights go back to those of step " + std::to_string(best_.step()) +
                              ", with the best eval/" + best.front().first));
}

double TrainingLoop::learning_rate() const { return options_.schedule.at(step_, total_steps_); }

double TrainingLoop::step_seconds() const { return seconds_since(step_began_); }

void TrainingLoop::settle_steps(Model& model, const std::function<double()>& compute) {
  Clock::time_point began = Clock::now();
  for (int pass = -1; pass < kTimedPasses; ++pass) {  // the first warms up
    if (pass == 0) began = Clock::now();
    compute();
    model.zero_gradients();
  }
  double step_seconds = seconds_since(began) / kTimedPasses;
  const double time = *options_.budget.time;
  double once = evaluation_seconds_;  // of what is done beside the steps
  if (!options_.eval_every && once > 0) {
    evaluations_ = static_cast<int64_t>(
        std::clamp(kEvaluationShare * time / once, 1.0, static_cast<double>(evaluations_)));
    once *= static_cast<double>(evaluations_);
  } else if (options_.eval_every.value_or(0) > 0) {
    step_seconds += evaluation_seconds_ / static_cast<double>(*options_.eval_every);
  }
  total_steps_ = std::max<int64_t>(1, static_cast<int64_t>((time - once) / step_seconds));
  settled_ = to_correct_ = true;
  step_began_ = Clock::now();
  const auto milliseconds = [](double seconds) {
    return std::to_string(std::lround(1e3 * seconds)) + " ms";
  };
  context_.info("a step takes " + milliseconds(step_seconds) + ": " + std::to_string(total_steps_) +
                " steps fit into the time");
  if (once + step_seconds > time)
    context_.warning("the budget's time does not suffice for one step of " +
                     milliseconds(step_seconds) + " beside the evaluation, which takes " +
                     milliseconds(evaluation_seconds_) + ". Give more, or a smaller eval.tokens");
}

bool TrainingLoop::correction_due() const {
  return to_correct_ && training_steps_ > kStepsToCorrectBy && step_ < total_steps_ &&
         spent_seconds() >= kTimeToCorrectBy * *options_.budget.time;
}

void TrainingLoop::correct_steps() {
  const double step_seconds =
      (training_seconds_ - first_step_seconds_) / static_cast<double>(training_steps_ - 1);
  double between = step_seconds, once = evaluation_seconds_;  // at the end
  if (options_.eval_every.value_or(0) > 0)
    between += evaluation_seconds_ / static_cast<double>(*options_.eval_every);
  else if (!options_.eval_every && evaluate_)
    once *= static_cast<double>(evaluations_);
  const double left = *options_.budget.time - spent_seconds() - once;
  to_correct_ = false;
  const int64_t steps =
      step_ + std::max<int64_t>(0, static_cast<int64_t>(left / std::max(between, 1e-9)));
  if (steps == total_steps_) return;
  total_steps_ = steps;
  settled_ = true;
  context_.info("the first " + std::to_string(training_steps_) + " steps took " +
                std::to_string(std::lround(1e3 * step_seconds)) +
                " ms each: " + std::to_string(total_steps_) + " steps fit into the time");
}

void TrainingLoop::log(const Metrics& metrics, int64_t tokens) {
  training_seconds_ += step_seconds();
  training_tokens_ += tokens;
  if (training_steps_++ == 0) first_step_seconds_ = training_seconds_;
  for (const auto& [name, value] : metrics) context_.metric(step_, name, value);
  if (skipped_ > 0) context_.metric(step_, "skipped_updates", static_cast<double>(skipped_));
  tokens_ += tokens;
  ++step_;
  char note[64] = "";
  if (!metrics.empty()) {
    const std::string& name = metrics.front().first;
    std::snprintf(note, sizeof note, "%.24s %.4g", name.c_str() + name.rfind('/') + 1,
                  metrics.front().second);
  }
  context_.progress(static_cast<uint64_t>(step_), static_cast<uint64_t>(total_steps_), "steps",
                    note);
}

void TrainingLoop::evaluate() try {
  const Clock::time_point began = Clock::now();
  last_evaluation_ = evaluate_();
  evaluation_seconds_ = seconds_since(began);
  evaluated_at_ = step_;
  for (const auto& [name, value] : last_evaluation_) context_.metric(step_, "eval/" + name, value);
  best_.judge(last_evaluation_, step_, kept_.front().model->trained());
} catch (const Cancelled&) {
  stop();
}

void TrainingLoop::finish() {
  if (step_ > 0 && !weights_are_finite()) roll_back(step_, "a weight is not finite");
  if (step_ != committed_at_) begin_checkpoint(false);
  if (evaluate_ && evaluated_at_ != step_ && !goes_back_) evaluate();
  await_checkpoint();
  if (const std::string what = kept_.front().guard.divergence(); !what.empty())
    context_.warning(what + ": training diverged; lower learning_rate (now " +
                     json_number(options_.schedule.learning_rate) + ")");
  const bool takes_best = best_.weights() != nullptr && (goes_back_ || options_.save == "best");
  if (takes_best) {
    ParameterBuffer& trained = kept_.front().model->trained();
    trained.weights.copy_(best_.weights()->weights);
    trained.refresh_compute_copy();
    context_.result("best_step", static_cast<double>(best_.step()));
  }
  for (const auto& [name, value] : takes_best ? best_.evaluation() : last_evaluation_)
    context_.result("eval/" + name, value);
  if (stopped_early_) context_.result("stopped_by_patience", 1);
  context_.result("steps", static_cast<double>(step_));
  context_.result("tokens", static_cast<double>(tokens_));
  if (skipped_ > 0) context_.result("skipped_updates", static_cast<double>(skipped_));
  if (rolled_back_ > 0) context_.result("rolled_back", static_cast<double>(rolled_back_));
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  context_.volatile_result("peak_memory_bytes", static_cast<double>(usage.ru_maxrss) * 1024);
  if (const int64_t bytes = peak_gpu_bytes(); bytes > 0)
    context_.volatile_result("peak_gpu_memory_bytes", static_cast<double>(bytes));
  if (training_seconds_ <= 0) return;
  context_.volatile_result("tokens_per_second",
                           static_cast<double>(training_tokens_) / training_seconds_);
  context_.volatile_result("step_ms",
                           1e3 * training_seconds_ / static_cast<double>(training_steps_));
  context_.volatile_result("checkpoint_stall_ms", 1e3 * longest_stall_seconds_);
}

}  // namespace lehr::lm
