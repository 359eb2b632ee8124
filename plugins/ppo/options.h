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
  std::optional<double> epsilon_high;
  std::string critic = "separate";
  double value_coefficient = 0.1, entropy_coefficient = 0;
  double critic_learning_rate_scale = 2;
  std::optional<std::string> kl_estimator;
  double kl_coefficient = 0.05;
  std::optional<double> kl_target;
  double kl_horizon = 10000;
  double missing_end_penalty = 1;
  double reward_weight = 1;
  bool normalize_reward = true;
  // GRPO's, by TRL's names and with its defaults.
  std::string loss_type = "dapo";
  std::string scale_rewards = "group";
  std::string importance_sampling_level = "token";
  bool use_bias_correction_kl = true;
  bool mask_truncated_completions = false;

  const Algorithm& chosen() const;  // `algorithm`
  lm::KlEstimator estimator() const;
  std::int64_t group() const;     // answers to a prompt, `samples` is a multiple of it
  bool ratio_of_answers() const;  // one ratio for a whole answer; else a token
  // A model of its own, or a head on the policy's trunk; neither without a critic.
  bool separate_critic() const { return chosen().has_critic() && critic == "separate"; }
  bool shared_critic() const { return chosen().has_critic() && critic == "shared"; }
};

void describe(Description& d, PpoOptions& options);
// Rules across parameters; throws lehr::Error.
void check(const PpoOptions& options);

}  // namespace lehr::plugins::ppo
