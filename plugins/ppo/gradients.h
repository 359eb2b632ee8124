// One minibatch's gradient, of the policy and of the critic. Formulas in lm/ppo_math.h.
#pragma once

#include <vector>

#include "lm/model.h"
#include "options.h"
#include "rollouts.h"

namespace lehr::plugins::ppo {

// Sums over all minibatches of an iteration.
struct UpdateTally {
  double tokens = 0, entropy = 0, kl = 0, value_loss = 0,
         value_clipped = 0;  // masked ones left out
  // Over `ratios`: tokens, or answers where the algorithm's ratio is of answers.
  double ratios = 0, policy_loss = 0, clipped = 0, approximate_kl = 0, ratio = 0, ratio_squared = 0;
};

// What the critic's update holds on to while it moves: V before the iteration's updates, and what
// it shall be; [M] each.
struct ValueTargets {
  const std::vector<float>& values;
  const std::vector<float>& returns;
};

// The same of the policy's: [M] each.
struct PolicyTargets {
  const std::vector<float>& logprobs;            // of the policy that drew the answers
  const std::vector<float>& reference_logprobs;  // read where the KL is in the loss
  const std::vector<float>& advantages;
  const std::vector<float>& weights;  // see loss_weights.h
  double beta = 0;
  const ValueTargets* critic = nullptr;  // of a value head on the policy
};

// Each adds its gradient to the model's and returns its loss; arrays over tokens are [M], `rows`
// the minibatch. `first`: these probabilities made the targets' logprobs, so the ratio must be
// exactly 1; throws lehr::Error where it is not.
double policy_gradient(lm::Model& policy, const std::vector<RolloutRow>& rows,
                       const PolicyTargets& targets, const PpoOptions& options, bool first,
                       UpdateTally& tally);
double value_gradient(lm::Model& critic, const std::vector<RolloutRow>& rows,
                      const ValueTargets& targets, const PpoOptions& options, UpdateTally& tally);

}  // namespace lehr::plugins::ppo
