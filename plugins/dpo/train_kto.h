// The stage `dpo.kto`: a policy trained on single answers that are good or bad, against its own
// starting point (KTO, Ethayarajh et al. 2024).
#pragma once

#include <lehr/plugin.h>

#include <vector>

#include "lm/preference_loss.h"
#include "pair_training.h"

namespace lehr::plugins::dpo {

class TrainKto : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  lm::KtoOptions kto_;
  PairTrainingOptions options_;
};

}  // namespace lehr::plugins::dpo
