#include "objective.h"

#include <numeric>

namespace lehr::plugins::ppo {

Objective objective(std::span<const float> logprobs, std::span<const float> reference_logprobs,
                    std::span<const float> values, std::span<const lm::AnswerSpan> answers,
                    std::span<const double> scores, double beta, const ObjectiveOptions& options) {
  const std::vector<double> kl = lm::kl_per_token(logprobs, reference_logprobs, options.estimator);
  const std::vector<double> rewards = lm::token_rewards(kl, answers, scores, beta);
  const std::vector<double> wide_values(values.begin(), values.end());
  lm::Advantages found =
      lm::generalized_advantages(rewards, wide_values, answers, options.gamma, options.lambda);
  lm::whiten(found.advantages);
  Objective out;
  out.advantages.assign(found.advantages.begin(), found.advantages.end());
  out.returns.assign(found.returns.begin(), found.returns.end());
  const auto count = static_cast<double>(answers.size());
  out.kl = std::accumulate(kl.begin(), kl.end(), 0.0) / count;
  out.non_score_reward = -beta * out.kl;
  out.score = std::accumulate(scores.begin(), scores.end(), 0.0) / count;
  return out;
}

}  // namespace lehr::plugins::ppo
