#include "lm/gae.h"

#include <cmath>

namespace lehr::lm {

std::vector<double> token_rewards(std::span<const double> kl, std::span<const AnswerSpan> answers,
                                  std::span<const double> scores, double beta) {
  std::vector<double> rewards(kl.size());
  for (size_t t = 0; t < kl.size(); ++t) rewards[t] = -beta * kl[t];
  for (size_t i = 0; i < answers.size(); ++i)
    rewards[static_cast<size_t>(answers[i].end - 1)] += scores[i];
  return rewards;
}

Advantages generalized_advantages(std::span<const double> rewards, std::span<const double> values,
                                  std::span<const AnswerSpan> answers, double gamma,
                                  double lambda) {
  Advantages out{std::vector<double>(rewards.size()), std::vector<double>(rewards.size())};
  for (const AnswerSpan& answer : answers) {
    double next_value = 0, next_advantage = 0;
    for (int64_t i = answer.end - 1; i >= answer.begin; --i) {
      const auto t = static_cast<size_t>(i);
      const double delta = rewards[t] + gamma * next_value - values[t];
      next_advantage = delta + gamma * lambda * next_advantage;
      next_value = values[t];
      out.advantages[t] = next_advantage;
      out.returns[t] = next_advantage + values[t];
    }
  }
  return out;
}

void whiten(std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) squares += (v - mean) * (v - mean);
  const double variance = n > 1 ? squares / (n - 1) : 0;
  for (double& v : values) v = (v - mean) / std::sqrt(variance + 1e-8);
}

}  // namespace lehr::lm
