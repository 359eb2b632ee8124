#include "stop_if.h"

#include <cmath>
#include <cstdio>
#include <numeric>

namespace lehr::plugins::ppo {

namespace {

struct Limit {
  const char* name;
  std::optional<double> StopIf::*limit;
  double sign;
  bool above;  // broken above the limit; else below
};

std::vector<Limit> limits_of(const Signs& s) {
  std::vector<Limit> all = {
      {"kl", &StopIf::kl_above, s.kl, true},
      {"entropy", &StopIf::entropy_below, s.entropy, false},
      {"length_correlation", &StopIf::length_correlation_above, s.length_correlation, true},
  };
  if (s.disagreement)
    all.push_back({"disagreement", &StopIf::disagreement_above, *s.disagreement, true});
  return all;
}

double length_correlation(const ScoredAnswers& sampled) {
  const std::vector<lm::AnswerSpan>& spans = sampled.rollouts.spans;
  const auto n = static_cast<double>(spans.size());
  const auto length = [&](std::size_t i) {
    return static_cast<double>(spans[i].end - spans[i].begin);
  };
  double mean_reward = 0, mean_length = 0, both = 0, rewards = 0, lengths = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    mean_reward += sampled.rewards[i] / n;
    mean_length += length(i) / n;
  }
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const double x = sampled.rewards[i] - mean_reward, y = length(i) - mean_length;
    both += x * y;
    rewards += x * x;
    lengths += y * y;
  }
  return rewards > 0 && lengths > 0 ? both / std::sqrt(rewards * lengths) : 0;
}

}  // namespace

void describe(Description& d, StopIf& limits) {
  d.group("stop_if",
          [&](Description& s) {
            s.real("kl_above", limits.kl_above).at_least(0).unit("nats per answer");
            s.real("entropy_below", limits.entropy_below).at_least(0).unit("nats per token");
            s.real("length_correlation_above", limits.length_correlation_above)
                .range(-1, 1)
                .help("of rewards, before missing_end_penalty, and tokens of answers");
            s.real("disagreement_above", limits.disagreement_above)
                .at_least(0)
                .help(
                    "of the heads of a reward model that is an ensemble, in deviations of good "
                    "answers");
          })
      .help(
          "training ends at an iteration whose answers break a limit, and the weights go back to "
          "those of the best evaluation");
}

Signs signs(const ScoredAnswers& sampled, const Objective& found, const TokenScores& old) {
  const auto tokens = static_cast<double>(old.entropies.size());
  return {found.kl, std::accumulate(old.entropies.begin(), old.entropies.end(), 0.0) / tokens,
          length_correlation(sampled), sampled.disagreement};
}

lm::Metrics metrics(const Signs& signs) {
  lm::Metrics out = {{"objective/kl", signs.kl},
                     {"objective/token_entropy", signs.entropy},
                     {"objective/length_correlation", signs.length_correlation}};
  if (signs.disagreement) out.emplace_back("objective/disagreement", *signs.disagreement);
  return out;
}

std::vector<Broken> broken(const StopIf& limits, const Signs& signs) {
  std::vector<Broken> out;
  for (const Limit& l : limits_of(signs)) {
    const std::optional<double>& limit = limits.*l.limit;
    // What is no number breaks any limit.
    if (!limit || (l.above ? l.sign <= *limit : l.sign >= *limit)) continue;
    char text[96];
    std::snprintf(text, sizeof text, "%s %.4g is %s %.4g", l.name, l.sign,
                  l.above ? "above" : "below", *limit);
    out.push_back({l.name, text});
  }
  return out;
}

}  // namespace lehr::plugins::ppo
