// The stage: optimization of a language model's own answers (PPO, GRPO or RLOO, see algorithm.h)
// against a reward model, plugin rewards, or both, tied to its starting point by a KL penalty.
#pragma once

#include <lehr/plugin.h>

#include <vector>

#include "lm/training_loop.h"
#include "options.h"
#include "stop_if.h"

namespace lehr::plugins::ppo {

lm::TrainOptions ppo_defaults();

class TrainPpo : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void check_inputs(const std::vector<Input>& inputs) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  PpoOptions options_;
  StopIf stop_if_;
  std::vector<double> reward_weights_;  // of `rewards`
  lm::TrainOptions training_ = ppo_defaults();
};

}  // namespace lehr::plugins::ppo
