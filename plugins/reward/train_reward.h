// The stage: a scalar head on the trunk of a language model, or an ensemble of them, trained on
// preferences.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "lm/sequence_feed.h"
#include "lm/training_loop.h"

namespace lehr::plugins::reward {

lm::TrainOptions reward_defaults();

class TrainReward : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  double centering_ = 0.01;
  std::optional<std::int64_t> max_length_;
  std::int64_t ensemble_ = 1;
  lm::TrainOptions training_ = reward_defaults();
};

}  // namespace lehr::plugins::reward
