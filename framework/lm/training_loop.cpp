#include "lm/training_loop.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "lm/checkpoint.h"
#include "lm/runtime.h"

namespace lehr::lm {

namespace {

constexpr int64_t kMaxSkippedInARow = 8;

nlohmann::json to_json(const Metrics& metrics) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, value] : metrics) list.push_back({name, value});
  return list;
}

Metrics to_metrics(const nlohmann::json& list) {
  Metrics metrics;
  for (const auto& item : list)
    metrics.emplace_back(item.at(0).get<std::string>(),
                         item.at(1).is_number() ? item.at(1).get<double>() : std::nan(""));
  return metrics;
}

}  // namespace

TrainingLoop::TrainingLoop(Context& context, const TrainOptions& options, int64_t total_steps)
    : context_(context), options_(options), total_steps_(total_steps) {}

void TrainingLoop::keep(std::string name, Model& model, AdamW* optimizer) {
  kept_.push_back({std::move(name), &model, optimizer});
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
  higher_is_better_ = higher_is_better;
}

void TrainingLoop::checkpoint() {
  const std::filesystem::path dir = context_.begin_state();
  for (const Kept& kept : kept_)
    save_checkpoint(dir / kept.name, kept.model->trained(), kept.optimizer);
  if (best_) save_checkpoint(dir / "best", *best_, nullptr);
  if (save_files_) save_files_(dir);
  nlohmann::json state = {{"format", 1},
                          {"step", step_},
                          {"total_steps", total_steps_},
                          {"tokens", tokens_},
                          {"skipped", skipped_},
                          {"skipped_in_a_row", skipped_in_a_row_},
                          {"evaluated_at", evaluated_at_},
                          {"last_evaluation", to_json(last_evaluation_)},
                          {"numerics", numerics_fingerprint()}};
  if (best_) {
    state["best_evaluation"] = to_json(best_evaluation_);
    state["best_step"] = best_step_;
  }
  if (save_state_) state["extra"] = save_state_();
  write_state(dir / "training.json", state);
  context_.commit_state("step-" + std::to_string(step_));
  committed_at_ = step_;
  last_checkpoint_ = Clock::now();
}

void TrainingLoop::resume() {
  last_checkpoint_ = Clock::now();
  const auto found = context_.latest_state();
  if (!found) return;
  const nlohmann::json state = read_state(found->path / "training.json");
  if (state.at("total_steps").get<int64_t>() != total_steps_)
    throw Error(found->path.string() + ": the checkpoint belongs to a run of " +
                state.at("total_steps").dump() + " steps, not " + std::to_string(total_steps_) +
                "; remove the stage's working folder to start afresh");
  for (const Kept& kept : kept_)
    load_checkpoint(found->path / kept.name, kept.model->trained(), kept.optimizer);
  step_ = state.at("step");
  tokens_ = state.at("tokens");
  skipped_ = state.at("skipped");
  skipped_in_a_row_ = state.at("skipped_in_a_row");
  evaluated_at_ = state.at("evaluated_at");
  last_evaluation_ = to_metrics(state.at("last_evaluation"));
  if (state.contains("best_step")) {
    best_evaluation_ = to_metrics(state.at("best_evaluation"));
    best_step_ = state.at("best_step");
    best_ = kept_.front().model->trained().copy();
    load_checkpoint(found->path / "best", *best_, nullptr);
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
  const int64_t every = options_.eval_every.value_or(std::max<int64_t>(1, total_steps_ / 10));
  return every > 0 && step_ % every == 0;
}

bool TrainingLoop::checkpoint_due() const {
  if (step_ == committed_at_) return false;
  if (options_.checkpoint_steps && step_ % *options_.checkpoint_steps == 0) return true;
  return std::chrono::duration<double>(Clock::now() - last_checkpoint_).count() >=
         options_.checkpoint_every;
}

bool TrainingLoop::next() {
  if (step_ >= total_steps_) return false;
  if (context_.cancelled()) {
    if (step_ != committed_at_) checkpoint();
    throw Cancelled();
  }
  if (evaluation_due()) evaluate();
  if (checkpoint_due()) checkpoint();
  step_began_ = Clock::now();
  return true;
}

double TrainingLoop::learning_rate() const { return options_.schedule.at(step_, total_steps_); }

double TrainingLoop::step_seconds() const {
  return std::chrono::duration<double>(Clock::now() - step_began_).count();
}

Update TrainingLoop::update(Model& model, AdamW& optimizer,
                            const std::function<double()>& compute) {
  Update update;
  update.learning_rate = learning_rate();
  for (int attempt = 0; attempt < 2; ++attempt) {
    update.loss = compute();
    if (std::isfinite(update.loss)) {
      const StepReport report = optimizer.step(update.learning_rate);
      update.grad_norm = report.grad_norm;
      if (report.applied) {
        update.applied = true;
        skipped_in_a_row_ = 0;
        return update;
      }
    }
    model.zero_gradients();
    context_.warning("step " + std::to_string(step_) + ": loss or gradient is not finite; " +
                     (attempt == 0 ? "running it once more" : "skipping this batch"));
  }
  ++skipped_;
  if (++skipped_in_a_row_ >= kMaxSkippedInARow)
    throw Error("training diverged: " + std::to_string(skipped_in_a_row_) +
                " updates in a row up to step " + std::to_string(step_) +
                " had a loss or gradient that is not finite; lower learning_rate (now " +
                json_number(options_.schedule.learning_rate) + ")");
  return update;
}

void TrainingLoop::log(const Metrics& metrics, int64_t tokens) {
  training_seconds_ += step_seconds();
  training_tokens_ += tokens;
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

void TrainingLoop::evaluate() {
  last_evaluation_ = evaluate_();
  evaluated_at_ = step_;
  for (const auto& [name, value] : last_evaluation_) context_.metric(step_, "eval/" + name, value);
  if (options_.save != "best" || last_evaluation_.empty()) return;
  const double value = last_evaluation_.front().second;
  if (!std::isfinite(value)) return;
  if (best_) {
    const double best = best_evaluation_.front().second;
    if (higher_is_better_ ? value <= best : value >= best) return;
  }
  best_evaluation_ = last_evaluation_;
  best_step_ = step_;
  best_ = kept_.front().model->trained().copy();
}

void TrainingLoop::finish() {
  if (evaluate_ && evaluated_at_ != step_) evaluate();
  if (best_) {
    ParameterBuffer& trained = kept_.front().model->trained();
    trained.weights.copy_(best_->weights);
    trained.refresh_compute_copy();
    context_.result("best_step", static_cast<double>(best_step_));
  }
  for (const auto& [name, value] : best_ ? best_evaluation_ : last_evaluation_)
    context_.result("eval/" + name, value);
  context_.result("steps", static_cast<double>(step_));
  context_.result("tokens", static_cast<double>(tokens_));
  if (skipped_ > 0) context_.result("skipped_updates", static_cast<double>(skipped_));
  if (training_seconds_ > 0)
    context_.volatile_result("tokens_per_second",
                             static_cast<double>(training_tokens_) / training_seconds_);
}

}  // namespace lehr::lm
