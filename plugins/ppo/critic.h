// The value model that is none of the policy's: at every token of an answer, what it foresees of
// the rewards to come.
#pragma once

#include <vector>

#include "gradients.h"
#include "lm/model.h"
#include "lm/optimizer.h"
#include "lm/training_loop.h"
#include "options.h"
#include "rollouts.h"

namespace lehr::plugins::ppo {

class Critic {
 public:
  // Starts where `start` is, with its score head. options and training must outlive the critic.
  Critic(lm::Model start, const PpoOptions& options, const lm::TrainOptions& training,
         std::uint64_t seed);
  Critic(const Critic&) = delete;
  Critic& operator=(const Critic&) = delete;

  void keep_in(lm::TrainingLoop& loop) { loop.keep("critic", model_, &optimizer_); }
  // V before each token, [M].
  std::vector<float> values(const std::vector<std::vector<RolloutRow>>& minibatches,
                            std::size_t tokens, const Ask& ask) const {
    return token_values(model_, minibatches, tokens, ask);
  }
  // One update over a minibatch.
  lm::Update update(lm::TrainingLoop& loop, const std::vector<RolloutRow>& rows,
                    const ValueTargets& targets, UpdateTally& tally);

 private:
  const PpoOptions& options_;
  lm::Model model_;
  lm::Optimizer optimizer_;
};

}  // namespace lehr::plugins::ppo
