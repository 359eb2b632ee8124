// The stage: a policy trained on pairs of answers against its own starting point (DPO and family).
#pragma once

#include <lehr/plugin.h>

#include <string>
#include <vector>

#include "lm/preference_loss.h"
#include "pair_training.h"

namespace lehr::plugins::dpo {

class TrainDpo : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void check_inputs(const std::vector<Input>& inputs) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  std::string loss_ = "sigmoid";
  lm::PreferenceOptions preference_;  // loss: from loss_
  double nll_weight_ = 0;
  PairTrainingOptions options_;
};

}  // namespace lehr::plugins::dpo
