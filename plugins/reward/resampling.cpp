#include "resampling.h"

#include <cmath>

#include "lm/random.h"

namespace lehr::plugins::reward {

int times_drawn(std::uint64_t seed, std::int64_t head, std::int64_t pair) {
  const double u = lm::Random(seed, lm::Purpose::kUser, static_cast<std::uint64_t>(head))
                       .uniform(static_cast<std::uint64_t>(pair));
  int count = 0;
  double chance = std::exp(-1.0);
  for (double below = chance; u >= below && chance > 0; below += chance) chance /= ++count;
  return count;
}

}  // namespace lehr::plugins::reward
