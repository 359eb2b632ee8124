#include "comparison.h"

#include <cstddef>

namespace lehr::plugins::evaluate {

Comparison compare(std::span<const Outcome> ours, std::span<const Outcome> theirs) {
  Comparison c;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const Outcome &a = ours[i], &b = theirs[i];
    c.wins += a.right && !b.right;
    c.losses += !a.right && b.right;
    c.kept += a.right && b.right;
    if (!a.score || !b.score) continue;
    c.preferred += *a.score > *b.score;
    c.rejected += *a.score < *b.score;
  }
  return c;
}

std::optional<double> mean_score(std::span<const Outcome> outcomes) {
  double sum = 0, count = 0;
  for (const Outcome& outcome : outcomes) {
    sum += outcome.score.value_or(0);
    count += outcome.score.has_value();
  }
  return count > 0 ? std::optional(sum / count) : std::nullopt;
}

}  // namespace lehr::plugins::evaluate
