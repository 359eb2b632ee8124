// The stage: supervised fine-tuning. Mean negative log-likelihood of what the assistant says.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "lm/chat_feed.h"
#include "lm/sequence_feed.h"
#include "lm/training_estimate.h"
#include "lm/training_loop.h"

namespace lehr::plugins::sft {

lm::TrainOptions sft_defaults();

class Sft : public Stage {
 public:
  void describe(Description& d) override;
  void check() override;
  void check_inputs(const std::vector<Input>& inputs) override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 private:
  lm::SourceWeight weight_of(std::size_t source, std::uint64_t seed) const;
  lm::SequenceFeedOptions packing(std::uint64_t seed) const;
  // Of an epoch before it can be read, at most.
  lm::EpochSize most_of_epoch(const std::vector<Input>& inputs, std::int64_t max_length) const;

  std::optional<std::int64_t> max_length_;  // null: the model's context
  std::vector<double> weights_;
  lm::TrainOptions training_ = sft_defaults();
};

}  // namespace lehr::plugins::sft
