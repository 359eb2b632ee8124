// Two models before the same probes: one score each does not say whether a difference is more than
// noise, nor what was lost for what was gained. Plain C++.
#pragma once

#include <optional>
#include <span>

#include "examination.h"

namespace lehr::plugins::evaluate {

struct Comparison {
  double wins = 0, losses = 0;  // probes: right where the other is wrong, and the other way round
  double kept = 0;              // right where the other is, too
  // Answers that the judge scores higher and lower than the other's, where both have a score.
  double preferred = 0, rejected = 0;

  double differ() const { return wins + losses; }
  double could() const { return kept + losses; }  // what the other has right
  double judged() const { return preferred + rejected; }
};

// The outcomes of both are of the same probes, in the same order.
Comparison compare(std::span<const Outcome> ours, std::span<const Outcome> theirs);

// Of the answers that have one.
std::optional<double> mean_score(std::span<const Outcome> outcomes);

}  // namespace lehr::plugins::evaluate
