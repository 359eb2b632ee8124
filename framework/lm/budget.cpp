#include "lm/budget.h"

#include <algorithm>
#include <cmath>

namespace lehr::lm {

void describe(Description& d, Budget& budget) {
  d.one_of("budget", [&](Description& b) {
     b.count("steps", budget.steps).at_least(0).help("updates; 0: evaluate and stop");
     b.count("tokens", budget.tokens).at_least(1);
     b.real("epochs", budget.epochs).at_least(0);
     b.real("flops", budget.flops).at_least(1).unit("FLOP").help("of training, as 2e15");
     b.real("chinchilla", budget.chinchilla)
         .at_least(1e-3)
         .unit("tokens per parameter")
         .help("20 makes the best of a given amount of compute (Hoffmann et al. 2022)");
     b.duration("time", budget.time)
         .at_least(1)
         .breaks_determinism()
         .help("the number of steps is settled by timing the first ones");
   }).help("how long to train, as {tokens: 6M} or {chinchilla: 20}");
}

int64_t steps_of(const Budget& budget, const Workload& workload, double default_epochs) {
  if (budget.steps) return *budget.steps;
  if (budget.time) return kStepsByTime;
  const auto step_tokens = static_cast<double>(workload.tokens_per_step);
  const auto whole = [](double steps) {
    return static_cast<int64_t>(std::clamp(std::floor(steps), 1.0, 9e15));
  };
  if (budget.tokens) return std::max<int64_t>(1, *budget.tokens / workload.tokens_per_step);
  if (budget.flops) return whole(*budget.flops / (workload.flops_per_token * step_tokens));
  if (budget.chinchilla) return whole(*budget.chinchilla * workload.parameters / step_tokens);
  const double epochs = budget.epochs.value_or(default_epochs);
  return epochs > 0 ? workload.steps_in_epochs(epochs) : 0;
}

Workload workload(const ModelConfig& config, SequenceFeed& feed, int64_t tokens_per_step) {
  return {tokens_per_step, static_cast<double>(config.parameters()),
          config.flops_per_token(mean_keys(feed.step(0).front().batch)),
          [&feed](double epochs) { return feed.steps_in_epochs(epochs); }};
}

std::string steps_text(const Budget& budget, int64_t steps) {
  if (steps == 1) return "1 step";
  if (steps != kStepsByTime) return std::to_string(steps) + " steps";
  return "as many steps as fit into " + json_number(*budget.time) + " s";
}

}  // namespace lehr::lm
