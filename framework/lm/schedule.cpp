#include "lm/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lehr::lm {

double Schedule::at(int64_t step, int64_t total_steps) const {
  const auto total = static_cast<double>(total_steps);
  const auto k = static_cast<double>(step);
  const double warm = total_steps > 1 ? std::ceil(warmup * total) : 0;
  if (k < warm) return learning_rate * k / warm;
  if (kind == "constant") return learning_rate;
  if (kind == "wsd") {
    const double decay_steps = std::ceil(decay * total);
    const double into = k - (total - decay_steps);
    if (into <= 0) return learning_rate;
    return learning_rate * (1.0 - (1.0 - final) * std::min(1.0, into / decay_steps));
  }
  const double progress = std::min(1.0, (k - warm) / std::max(1.0, total - warm));
  const double shape =
      kind == "linear" ? 1.0 - progress : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return learning_rate * (final + (1.0 - final) * shape);
}

void describe(Description& d, Schedule& schedule) {
  d.real("learning_rate", schedule.learning_rate).range(0, 10).help("peak learning rate");
  d.group("schedule", [&](Description& s) {
     s.choice("kind", schedule.kind, {"constant", "linear", "cosine", "wsd"})
         .help("course after the warm-up; wsd: hold, then decay linearly");
     s.real("warmup", schedule.warmup)
         .range(0, 1)
         .help(
             "share of all steps in which the rate climbs linearly from 0; one step alone has "
             "none");
     s.real("final", schedule.final).range(0, 1).help("last rate as a share of the peak");
     s.real("decay", schedule.decay).range(0, 1).help("wsd: share of all steps that decay");
   }).help("learning rate over the steps; step k uses the value at k");
}

}  // namespace lehr::lm
