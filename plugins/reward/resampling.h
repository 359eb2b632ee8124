// Which pairs each head of an ensemble learns from, and how often: a resample of them all with
// replacement (bagging), by counts of its own for each head, so that heads differ where pairs are
// few. A count is a function of seed, head and pair alone: the same in every epoch and after a
// kill.
#pragma once

#include <cstdint>

namespace lehr::plugins::reward {

// Poisson with mean 1 (Oza and Russell 2001: what drawing n of n comes to for large n).
int times_drawn(std::uint64_t seed, std::int64_t head, std::int64_t pair);

}  // namespace lehr::plugins::reward
