// What an iteration's answers were worth: their scores, and how far they stray from the reference.
#pragma once

#include <span>
#include <vector>

#include "lm/ppo_math.h"

namespace lehr::plugins::ppo {

struct Objective {
  std::vector<double> token_kl;  // [M], by the estimator
  // Means over answers of sums over their tokens.
  double kl = 0;
  double non_score_reward = 0;  // -beta * kl
  double score = 0;
};

// logprobs, reference_logprobs: [M]; scores: one per answer, penalties included.
Objective objective(std::span<const float> logprobs, std::span<const float> reference_logprobs,
                    std::span<const double> scores, double beta, lm::KlEstimator estimator);

}  // namespace lehr::plugins::ppo
