// Seconds on a clock that nobody sets: for what passes, not for what time it is.
#pragma once

#include <chrono>

namespace lehr::runtime {

inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace lehr::runtime
