// From the scores of an iteration's answers to what the updates need: KL, rewards per token,
// advantages, returns. Formulas in lm/gae.h and lm/ppo_math.h; this puts them in order.
#pragma once

#include <span>
#include <vector>

#include "lm/gae.h"
#include "lm/ppo_math.h"

namespace lehr::plugins::ppo {

struct ObjectiveOptions {
  lm::KlEstimator estimator = lm::KlEstimator::k1;
  double gamma = 1;
  double lambda = 0.95;
};

struct Objective {
  std::vector<float> advantages;  // [M], whitened over all tokens of the iteration
  std::vector<float> returns;     // [M]
  // Means over answers of sums over their tokens.
  double kl = 0;                // of the estimator
  double non_score_reward = 0;  // -beta * kl
  double score = 0;
};

// logprobs, reference_logprobs, values: [M]; scores: one per answer, penalties included.
Objective objective(std::span<const float> logprobs, std::span<const float> reference_logprobs,
                    std::span<const float> values, std::span<const lm::AnswerSpan> answers,
                    std::span<const double> scores, double beta, const ObjectiveOptions& options);

}  // namespace lehr::plugins::ppo
