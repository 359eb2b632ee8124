#include "metrics.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "stop_if.h"

namespace lehr::plugins::ppo {

namespace {

void add_group_metrics(const PpoOptions& options, const ScoredAnswers& sampled,
                       const Objective& found, const UpdateTally& tally, lm::Metrics& out) {
  const std::span<const double> scores = sampled.scores;
  const auto group = static_cast<std::size_t>(options.group());
  const auto count = static_cast<double>(scores.size());
  double squares = 0, level = 0;
  for (const double s : scores) squares += (s - found.score) * (s - found.score);
  for (std::size_t first = 0; first < scores.size(); first += group) {
    const auto [low, high] = std::ranges::minmax(scores.subspan(first, group));
    level += low == high ? 1 : 0;
  }
  const auto tokens = static_cast<double>(sampled.rollouts.tokens());
  const double kl = options.chosen().kl_in_loss ? tally.kl / std::max(1.0, tally.tokens)
                                                : found.kl * count / tokens;
  out.insert(out.end(), {{"reward", found.score},
                         {"reward_std", std::sqrt(squares / (count - 1))},
                         {"frac_reward_zero_std", level * static_cast<double>(group) / count},
                         {"kl", kl},
                         {"clip_ratio/region_mean", tally.clipped / std::max(1.0, tally.ratios)},
                         {"completions/mean_length", tokens / count},
                         {"completions/clipped_ratio", 1 - sampled.ended / count}});
}

}  // namespace

lm::Metrics iteration_metrics(const PpoOptions& options, const ScoredAnswers& sampled,
                              const Objective& found, const TokenScores& old,
                              const UpdateTally& tally, double beta) {
  const Rollouts& rollouts = sampled.rollouts;
  double surprise = 0, difference = 0;
  for (std::size_t t = 0; t < rollouts.tokens(); ++t) {
    surprise -= old.logprobs[t];
    difference += std::abs(static_cast<double>(old.logprobs[t]) -
                           static_cast<double>(rollouts.sampled_logprobs[t]));
  }
  const auto count = static_cast<double>(rollouts.answers());
  const auto answer_tokens = static_cast<double>(rollouts.tokens());
  // All may be masked.
  const double n = std::max(1.0, tally.ratios), updated = std::max(1.0, tally.tokens);
  const double ratio = tally.ratio / n;
  lm::Metrics out = {{"objective/scores", found.score},
                     {"objective/kl", found.kl},
                     {"objective/entropy", surprise / count},
                     {"objective/non_score_reward", found.non_score_reward},
                     {"objective/rlhf_reward", found.non_score_reward + found.score},
                     {"objective/kl_coefficient", beta},
                     {"policy/approxkl_avg", tally.approximate_kl / n},
                     {"policy/clipfrac_avg", tally.clipped / n},
                     {"policy/entropy_avg", tally.entropy / updated},
                     {"loss/policy_avg", tally.policy_loss / n}};
  const bool has_critic = options.chosen().has_critic();
  if (has_critic)
    out.insert(out.end(), {{"loss/value_avg", tally.value_loss / updated},
                           {"val/clipfrac_avg", tally.value_clipped / updated}});
  out.insert(out.end(), {{"val/ratio", ratio},
                         {"val/ratio_var", std::max(0.0, tally.ratio_squared / n - ratio * ratio)},
                         {"val/num_eos_tokens", sampled.ended},
                         {"sampling/logp_difference", difference / answer_tokens},
                         {"sampling/answer_tokens", answer_tokens / count}});
  const lm::Metrics watched = metrics(signs(sampled, found, old));
  out.insert(out.end(), watched.begin() + 1, watched.end());  // the KL is there
  if (!has_critic) add_group_metrics(options, sampled, found, tally, out);
  return out;
}

}  // namespace lehr::plugins::ppo
