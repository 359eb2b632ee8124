// Where training is to end because the policy earns its rewards by other means than better answers:
// signs of it, read from the answers of an iteration, and the limits that a pipeline sets them.
#pragma once

#include <lehr/description.h>

#include <optional>
#include <string>
#include <vector>

#include "lm/best_so_far.h"
#include "objective.h"
#include "rollouts.h"
#include "scored_answers.h"

namespace lehr::plugins::ppo {

struct StopIf {
  std::optional<double> kl_above, entropy_below, length_correlation_above, disagreement_above;
  bool any() const {
    return kl_above || entropy_below || length_correlation_above || disagreement_above;
  }
};
void describe(Description& d, StopIf& limits);

struct Signs {
  double kl = 0;                  // nats per answer
  double entropy = 0;             // nats per token, of the policy that drew the answers
  double length_correlation = 0;  // Pearson's, of rewards and tokens of answers; 0 where one of
                                  // them does not vary
  std::optional<double> disagreement = {};  // of a judge's heads, in deviations of good answers
};
// old: the policy that drew the answers.
Signs signs(const ScoredAnswers& sampled, const Objective& found, const TokenScores& old);
lm::Metrics metrics(const Signs& signs);

struct Broken {
  std::string limit;  // "kl"
  std::string says;   // "kl 5.1 is above 4"
};
std::vector<Broken> broken(const StopIf& limits, const Signs& signs);

}  // namespace lehr::plugins::ppo
