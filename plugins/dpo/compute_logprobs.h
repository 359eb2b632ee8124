// The stages `dpo.logprobs` and `dpo.kto_logprobs`: what a reference makes of preferences or of
// feedback, once for every variant of a sweep.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "lm/train_options.h"
#include "pair_rows.h"
#include "reference_pass.h"

namespace lehr::plugins::dpo {

class ComputeLogprobs : public Stage {
 public:
  ComputeLogprobs() : ComputeLogprobs("preferences", &read_pair_rows, &row_logprobs) {}
  void describe(Description& d) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 protected:
  // rows: the input's name and type.
  ComputeLogprobs(const char* rows, decltype(&read_pair_rows) read, ScorePairs score)
      : rows_(rows), read_(read), score_(score) {}

 private:
  const char* const rows_;
  const decltype(&read_pair_rows) read_;
  const ScorePairs score_;
  std::optional<std::int64_t> max_length_;
  lm::TrainOptions options_;
};

class ComputeKtoLogprobs : public ComputeLogprobs {
 public:
  ComputeKtoLogprobs() : ComputeLogprobs("feedback", &read_feedback_rows, &logprobs_apart) {}
};

}  // namespace lehr::plugins::dpo
