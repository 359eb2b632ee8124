#include "critic.h"

#include <utility>

#include "lm/train_options.h"

namespace lehr::plugins::ppo {

namespace {

lm::Model trainable(lm::Model model, const lm::TrainOptions& training, std::uint64_t seed) {
  lm::make_trainable(model, training, seed);
  return model;
}

}  // namespace

Critic::Critic(lm::Model start, const PpoOptions& options, const lm::TrainOptions& training,
               std::uint64_t seed)
    : options_(options),
      model_(trainable(std::move(start), training, seed)),
      optimizer_(model_, training.optimizer) {}

lm::Update Critic::update(lm::TrainingLoop& loop, const std::vector<RolloutRow>& rows,
                          const ValueTargets& targets, UpdateTally& tally) {
  const UpdateTally before = tally;
  return loop.update(
      model_, optimizer_,
      [&] {
        tally = before;
        return value_gradient(model_, rows, targets, options_, tally);
      },
      options_.critic_learning_rate_scale);
}

}  // namespace lehr::plugins::ppo
