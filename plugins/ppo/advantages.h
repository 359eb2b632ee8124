// From scores and KL to what updates follow: how much better a token, or an answer, was than what
// the algorithm compares it with. GAE's formulas are in lm/gae.h.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lm/gae.h"
#include "options.h"

namespace lehr::plugins::ppo {

struct Advantages {
  std::vector<float> advantages;  // [M]; without a critic the same for all tokens of an answer
  std::vector<float> returns;     // [M], what the critic learns; empty without one
};

// token_kl: [M]; values: [M], empty without a critic; scores: [answers], those of a group in a row.
// By a critic: GAE, whitened over all tokens. By other answers to the prompt: below, of the score,
// less beta * (sum of the answer's KL) unless the KL is in the loss; GRPO divides as
// `scale_rewards` says.
Advantages advantages(const PpoOptions& options, std::span<const double> token_kl,
                      std::span<const float> values, std::span<const lm::AnswerSpan> answers,
                      std::span<const double> scores, double beta);

// Of every `group` rewards in a row, at least 2. GRPO: (R - mean) / (std + 1e-4), std with Bessel's
// correction, so that equal rewards give 0; scale "group": of the group, "batch": of all rewards,
// "none": not divided. RLOO: R - mean of the others.
std::vector<double> relative_to_groups(std::span<const double> rewards, std::size_t group,
                                       const std::string& scale);
std::vector<double> leave_one_out(std::span<const double> rewards, std::size_t group);

}  // namespace lehr::plugins::ppo
