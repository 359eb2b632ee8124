#include "advantages.h"

#include <cmath>
#include <numeric>

namespace lehr::plugins::ppo {

namespace {

Advantages over_critic(const PpoOptions& options, std::span<const double> token_kl,
                       std::span<const float> values, std::span<const lm::AnswerSpan> answers,
                       std::span<const double> scores, double beta) {
  const std::vector<double> rewards = lm::token_rewards(token_kl, answers, scores, beta);
  const std::vector<double> wide_values(values.begin(), values.end());
  lm::Advantages found =
      lm::generalized_advantages(rewards, wide_values, answers, options.gamma, options.lambda);
  lm::whiten(found.advantages);
  return {{found.advantages.begin(), found.advantages.end()},
          {found.returns.begin(), found.returns.end()}};
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation(std::span<const double> values) {
  const double center = mean(values);
  double squares = 0;
  for (const double v : values) squares += (v - center) * (v - center);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace

std::vector<double> relative_to_groups(std::span<const double> rewards, std::size_t group,
                                       const std::string& scale) {
  std::vector<double> out;
  for (std::size_t first = 0; first < rewards.size(); first += group) {
    const auto members = rewards.subspan(first, group);
    const double center = mean(members);
    const double unit =
        scale == "none" ? 1 : deviation(scale == "batch" ? rewards : members) + 1e-4;
    for (const double r : members) out.push_back((r - center) / unit);
  }
  return out;
}

std::vector<double> leave_one_out(std::span<const double> rewards, std::size_t group) {
  std::vector<double> out;
  for (std::size_t first = 0; first < rewards.size(); first += group) {
    const auto members = rewards.subspan(first, group);
    const double sum = std::accumulate(members.begin(), members.end(), 0.0);
    for (const double r : members) out.push_back(r - (sum - r) / static_cast<double>(group - 1));
  }
  return out;
}

Advantages advantages(const PpoOptions& options, std::span<const double> token_kl,
                      std::span<const float> values, std::span<const lm::AnswerSpan> answers,
                      std::span<const double> scores, double beta) {
  const Algorithm& algorithm = options.chosen();
  if (algorithm.has_critic()) return over_critic(options, token_kl, values, answers, scores, beta);
  std::vector<double> rewards(scores.begin(), scores.end());
  if (!algorithm.kl_in_loss)
    for (std::size_t i = 0; i < rewards.size(); ++i)
      for (std::int64_t t = answers[i].begin; t < answers[i].end; ++t)
        rewards[i] -= beta * token_kl[static_cast<std::size_t>(t)];
  const auto group = static_cast<std::size_t>(options.group());
  const std::vector<double> of_answers =
      algorithm.baseline == Baseline::kGroup
          ? relative_to_groups(rewards, group, options.scale_rewards)
          : leave_one_out(rewards, group);
  Advantages out;
  for (std::size_t i = 0; i < answers.size(); ++i)
    out.advantages.insert(out.advantages.end(),
                          static_cast<std::size_t>(answers[i].end - answers[i].begin),
                          static_cast<float>(of_answers[i]));
  return out;
}

}  // namespace lehr::plugins::ppo
