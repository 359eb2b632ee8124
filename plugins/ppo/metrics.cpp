#include "metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "stop_if.h"

namespace lehr::plugins::ppo {

namespace {

// By Bessel's correction.
double deviation(std::span<const double> values, double mean) {
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

void add_parts(const ScoredAnswers& sampled, lm::Metrics& out) {
  for (const NamedScores& part : sampled.parts) {
    const double mean = std::accumulate(part.scores.begin(), part.scores.end(), 0.0) /
                        static_cast<double>(part.scores.size());
    out.emplace_back("rewards/" + part.name + "/mean", mean);
    out.emplace_back("rewards/" + part.name + "/std", deviation(part.scores, mean));
  }
}

void add_group_metrics(const PpoOptions& options, const ScoredAnswers& sampled,
                       const Objective& found, const UpdateTally& tally, lm::Metrics& out) {
  const std::span<const double> scores = sampled.scores;
  const auto group = static_cast<std::size_t>(options.group());
  const auto count = static_cast<double>(scores.size());
  const auto tokens = static_cast<double>(sampled.rollouts.tokens());
  const double kl = options.chosen().kl_in_loss ? tally.kl / std::max(1.0, tally.tokens)
                                                : found.kl * count / tokens;
  out.insert(out.end(), {{"reward", found.score},
                         {"reward_std", deviation(scores, found.score)},
                         {"frac_reward_zero_std", level_share(scores, group)},
                         {"kl", kl},
                         {"clip_ratio/region_mean", tally.clipped / std::max(1.0, tally.ratios)},
                         {"completions/mean_length", tokens / count},
                         {"completions/clipped_ratio", 1 - sampled.ended / count}});
}

}  // namespace

double level_share(std::span<const double> scores, std::size_t group) {
  double level = 0;
  for (std::size_t first = 0; first < scores.size(); first += group) {
    const auto [low, high] = std::ranges::minmax(scores.subspan(first, group));
    level += low == high ? 1 : 0;
  }
  return level * static_cast<double>(group) / static_cast<double>(scores.size());
}

std::string level_warning(std::size_t answers, std::size_t group) {
  return (group == answers
              ? "all " + std::to_string(answers) + " answers"
              : "in all " + std::to_string(answers / group) + " groups (frac_reward_zero_std 1) " +
                    "the " + std::to_string(group) + " answers to a prompt") +
         " score the same, so that they teach nothing. Take prompts that are answered now right, "
         "now wrong, rewards that know degrees, or a higher temperature. It is told once; the "
         "result iterations_without_spread counts such iterations";
}

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
                         {"sampling/answer_tokens", (answer_tokens - sampled.ended) / count}});
  const lm::Metrics watched = metrics(signs(sampled, found, old));
  out.insert(out.end(), watched.begin() + 1, watched.end());  // the KL is there
  if (!has_critic) add_group_metrics(options, sampled, found, tally, out);
  add_parts(sampled, out);
  return out;
}

}  // namespace lehr::plugins::ppo
