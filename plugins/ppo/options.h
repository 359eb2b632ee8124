// The stage's own parameters with their defaults; describe() says what each does.
#pragma once

#include <lehr/description.h>

#include <cstdint>
#include <optional>
#include <string>

#include "algorithm.h"
#include "lm/ppo_math.h"

namespace lehr::plugins::ppo {

struct PpoOptions {
  std::string algorithm = "ppo";
  std::int64_t iterations = 30;
  std::int64_t samples = 128;
  std::optional<std::int64_t> num_generations;
  std::int64_t epochs = 4;
  std::int64_t minibatches = 4;
  std::int64_t max_new_tokens = 48;
  std::int64_t decoding_batch = 64;
  std::int64_t eval_samples = 128;
  double temperature = 0.7;
  double gamma = 1, lambda = 0.95;
  double clip = 0.2, dual_clip = 0, value_clip = 0.2;
  double value_coefficient = 0.1, entropy_coefficient = 0;
  double critic_learning_rate_scale = 2;
  std::optional<std::string> kl_estimator;
  double kl_coefficient = 0.05;
  std::optional<double> kl_target;
  double kl_horizon = 10000;
  std::optional<double> max_kl;
  double missing_end_penalty = 1;
  double reward_weight = 1;
  bool normalize_reward = true;

  const Algorithm& chosen() const;  // `algorithm`
  lm::KlEstimator estimator() const;
  std::int64_t group() const;  // answers to a prompt, `samples` is a multiple of it
};

void describe(Description& d, PpoOptions& options);
// Rules across parameters; throws lehr::Error.
void check(const PpoOptions& options);

}  // namespace lehr::plugins::ppo
