// What the tokens of an iteration's answers count in the policy's loss, and what a minibatch's sum
// is divided by. PPO and GRPO's `dapo`: the mean over tokens. RLOO: over answers.
#pragma once

#include <vector>

#include "options.h"
#include "rollouts.h"

namespace lehr::plugins::ppo {

// [M]: 1, or where `loss_type` is a mean over answers, 1 / tokens of the answer; 0: masked.
std::vector<float> token_weights(const PpoOptions& options, const Rollouts& rollouts);

// tokens: those of the minibatch that are not masked; answers: all.
double loss_divisor(const PpoOptions& options, double tokens, double answers);

}  // namespace lehr::plugins::ppo
