// The loop's updates and its guard (see training_loop.h): what becomes of a step whose loss or
// gradient is bad.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "lm/training_loop.h"

namespace lehr::lm {
namespace {

constexpr int64_t kMaxSkippedInARow = 8;

}  // namespace

TrainingLoop::Kept& TrainingLoop::kept(const Model& model) {
  for (Kept& kept : kept_)
    if (kept.model == &model) return kept;
  throw std::logic_error("TrainingLoop::update: keep() the model first");
}

std::string TrainingLoop::attempt(Kept& kept, const std::function<double()>& compute,
                                  Update& update) {
  kept.model->begin_update(kept.optimizer->updates());
  update.loss = compute();
  std::string fault = kept.guard.fault(update.loss);
  if (!fault.empty()) return fault;
  const Clock::time_point began = Clock::now();
  writer_.detach();
  if (writer_.running()) stall_seconds_ += seconds_since(began);
  const StepReport report = kept.optimizer->step(update.learning_rate);
  update.grad_norm = report.grad_norm;
  update.applied = report.applied;
  if (report.applied) return {};
  char text[64];
  std::snprintf(text, sizeof text, "gradient norm is %g", report.grad_norm);
  return text;
}

Update TrainingLoop::update(Model& model, Optimizer& optimizer,
                            const std::function<double()>& compute, double rate_scale) {
  if (total_steps_ == kStepsByTime) settle_steps(model, compute);
  Kept& kept = this->kept(model);
  if (kept.optimizer != &optimizer)
    throw std::logic_error("TrainingLoop::update: not the optimizer that keep() was given");
  Update update;
  update.learning_rate = rate_scale * learning_rate();
  std::string fault;
  for (const char* then : {"; running the batch once more", "; skipping the batch"}) {
    fault = attempt(kept, compute, update);
    if (fault.empty()) {
      kept.guard.accept(update.loss);
      kept.skipped_in_a_row = 0;
      return update;
    }
    model.zero_gradients();
    context_.warning("step " + std::to_string(step_) + ": " + fault + then);
  }
  ++skipped_;
  if (kept.skipped_in_a_row++ == 0) kept.first_skipped = step_;
  if (kept.skipped_in_a_row >= kMaxSkippedInARow) {
    roll_back(kept.first_skipped, std::to_string(kMaxSkippedInARow) +
                                      " updates in a row were skipped, the last because its " +
                                      fault);
    update.rolled_back = true;
  }
  return update;
}

void TrainingLoop::roll_back(int64_t first_bad_step, const std::string& why) {
  await_checkpoint();
  while (!anchors_.empty()) {
    const int64_t anchor = anchors_.back();
    anchors_.pop_back();
    // One at the first bad step holds the weights that are bad.
    const auto found = anchor < first_bad_step ? context_.find_state(tag_of(anchor)) : std::nullopt;
    if (!found) continue;
    load_models(found->path);
    if (load_state_) load_state_(read_state(found->path / "training.json").at("extra"));
    for (Kept& kept : kept_) kept.skipped_in_a_row = 0;
    ++rolled_back_;
    context_.metric(step_, "rolled_back_to", static_cast<double>(anchor));
    context_.warning("step " + std::to_string(step_) + ": " + why +
                     "; weights and moments go back to those of step " + std::to_string(anchor) +
                     ", and the batches since then are left out");
    return;
  }
  throw Error("training diverged at step " + std::to_string(step_) + ": " + why +
              ", and there is no checkpoint from before to go back to; lower learning_rate (now " +
              json_number(options_.schedule.learning_rate) +
              ") or look at the data of these steps");
}

bool TrainingLoop::weights_are_finite() const {
  return std::all_of(kept_.begin(), kept_.end(), [](const Kept& kept) {
    return std::isfinite(global_norm(kept.model->trained().weights));
  });
}

}  // namespace lehr::lm
