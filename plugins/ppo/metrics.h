// What an iteration tells, by the names of TRL's trainers.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "gradients.h"
#include "lm/best_so_far.h"
#include "objective.h"
#include "options.h"
#include "rollouts.h"
#include "scored_answers.h"

namespace lehr::plugins::ppo {

// Of every `group` scores in a row, the share of groups whose scores are all the same: nothing is
// learnt from them.
double level_share(std::span<const double> scores, std::size_t group);
// Told where that is 1, of so many answers; group: all of them with a critic.
std::string level_warning(std::size_t answers, std::size_t group);

// old: the policy that drew the answers. Those of the critic where there is one; where answers are
// compared with each other, also GRPOTrainer's few: reward and its deviation over all answers,
// level_share, KL per token. Of each of several rewards mean and deviation.
lm::Metrics iteration_metrics(const PpoOptions& options, const ScoredAnswers& sampled,
                              const Objective& found, const TokenScores& old,
                              const UpdateTally& tally, double beta);

}  // namespace lehr::plugins::ppo
