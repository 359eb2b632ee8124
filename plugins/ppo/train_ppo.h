// The stage: proximal policy optimization (Schulman et al. 2017) of a language model against a
// reward model, plugin rewards, or both, tied to its starting point by a KL penalty.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lm/training_loop.h"

namespace lehr::plugins::ppo {

lm::TrainOptions ppo_defaults();

struct PpoOptions {
  std::int64_t iterations = 30;
  std::int64_t samples = 128;
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
  std::string kl_estimator = "k1";
  double kl_coefficient = 0.05;
  std::optional<double> kl_target;
  double kl_horizon = 10000;
  std::optional<double> max_kl;
  double missing_end_penalty = 1;
  double reward_weight = 1;
  bool normalize_reward = true;
};

class TrainPpo : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void run(Context& context) override;

 private:
  PpoOptions options_;
  std::vector<double> reward_weights_;  // of `rewards`
  lm::TrainOptions training_ = ppo_defaults();
};

}  // namespace lehr::plugins::ppo
