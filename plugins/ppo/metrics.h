// What an iteration tells, by the names of TRL's trainers.
#pragma once

#include "gradients.h"
#include "lm/best_so_far.h"
#include "objective.h"
#include "options.h"
#include "rollouts.h"
#include "scored_answers.h"

namespace lehr::plugins::ppo {

// old: the policy that drew the answers. Those of the critic where there is one; where answers are
// compared with each other, also GRPOTrainer's few: reward and its deviation over all answers, the
// share of prompts whose answers all score the same (nothing is learnt from them), KL per token.
lm::Metrics iteration_metrics(const PpoOptions& options, const ScoredAnswers& sampled,
                              const Objective& found, const TokenScores& old,
                              const UpdateTally& tally, double beta);

}  // namespace lehr::plugins::ppo
