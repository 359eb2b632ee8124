// The stage `dpo.logprobs`: what a reference makes of preference pairs, once for every variant of a
// sweep.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "lm/train_options.h"

namespace lehr::plugins::dpo {

class ComputeLogprobs : public Stage {
 public:
  void describe(Description& d) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  std::optional<std::int64_t> max_length_;
  lm::TrainOptions options_;
};

}  // namespace lehr::plugins::dpo
