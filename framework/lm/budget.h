// How long to train, and how many updates that is.
#pragma once

#include <lehr/description.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "lm/config.h"
#include "lm/sequence_feed.h"

namespace lehr::lm {

// At most one is given.
struct Budget {
  std::optional<int64_t> steps = {};  // 0: evaluate only
  std::optional<int64_t> tokens = {};
  std::optional<double> epochs = {};
  std::optional<double> flops = {};       // by the formula of ModelConfig::flops_per_token
  std::optional<double> chinchilla = {};  // tokens per parameter
  std::optional<double> time = {};  // seconds of training, evaluations and checkpoints included
};

// Declares `budget`.
void describe(Description& d, Budget& budget);

// What a budget is counted in.
struct Workload {
  int64_t tokens_per_step = 0;
  double parameters = 0;
  double flops_per_token = 0;
  std::function<int64_t(double epochs)> steps_in_epochs = {};
};

// Of packed sequences. The keys that tokens attend to are counted in the first row.
Workload workload(const ModelConfig& config, SequenceFeed& feed, int64_t tokens_per_step);

// Of a budget of time before the first step has been timed; see TrainingLoop.
constexpr int64_t kStepsByTime = -1;

// Without a budget: `default_epochs`. A step that a budget does not pay wholly is left out, but for
// the first.
int64_t steps_of(const Budget& budget, const Workload& workload, double default_epochs = 1);

// "1460 steps", or "as many steps as fit into 1800 s".
std::string steps_text(const Budget& budget, int64_t steps);

}  // namespace lehr::lm
