// The stage: a policy trained on pairs of answers against its own starting point (DPO and family).
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lm/preference_loss.h"
#include "lm/sequence_feed.h"
#include "lm/training_loop.h"

namespace lehr::plugins::dpo {

lm::TrainOptions dpo_defaults();

class TrainDpo : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  std::string loss_ = "sigmoid";
  lm::PreferenceOptions preference_;  // loss: from loss_
  double nll_weight_ = 0;
  std::optional<std::int64_t> max_length_;
  lm::TrainOptions training_ = dpo_defaults();
};

}  // namespace lehr::plugins::dpo
