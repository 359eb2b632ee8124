#include "objective.h"

#include <numeric>

namespace lehr::plugins::ppo {

Objective objective(std::span<const float> logprobs, std::span<const float> reference_logprobs,
                    std::span<const double> scores, double beta, lm::KlEstimator estimator) {
  Objective out;
  out.token_kl = lm::kl_per_token(logprobs, reference_logprobs, estimator);
  const auto count = static_cast<double>(scores.size());
  out.kl = std::accumulate(out.token_kl.begin(), out.token_kl.end(), 0.0) / count;
  out.non_score_reward = -beta * out.kl;
  out.score = std::accumulate(scores.begin(), scores.end(), 0.0) / count;
  return out;
}

}  // namespace lehr::plugins::ppo
