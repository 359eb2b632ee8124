// Learning-rate schedules, Hugging Face's formulas: a pure function of the update's number, so
// resuming needs no scheduler state. Update k = 0, 1, ... uses the value at k, so that a warm-up's
// first changes nothing. A run of one update has no warm-up: it would be all there is.
#pragma once

#include <lehr/description.h>

#include <cstdint>
#include <string>

namespace lehr::lm {

struct Schedule {
  std::string kind = "cosine";  // constant | linear | cosine | wsd (warm up, hold, decay linearly)
  double learning_rate = 1e-3;  // the peak
  double warmup = 0.03;         // share of all steps, from 0 linearly; rounded up
  double final = 0.0;           // last value as a share of the peak; constant ignores it
  double decay = 0.2;           // wsd: share of all steps that decay

  // step in [0, total_steps).
  double at(int64_t step, int64_t total_steps) const;
};

// Declares `learning_rate` and the group `schedule {kind, warmup, final, decay}`.
void describe(Description& d, Schedule& schedule);

}  // namespace lehr::lm
