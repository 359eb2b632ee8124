// A steady clock that stands still while this process does: stopped (SIGSTOP, Ctrl-Z), it cannot
// look, and its stages mostly stand still as well. Speed and time left would be absurd if that
// time counted.
#pragma once

#include "runtime/run/steady_seconds.h"

namespace lehr::runtime {

class AwakeClock {
 public:
  // Asked several times a second, or else what passed in between does not count.
  double seconds(double steady = steady_seconds()) {
    if (last_ > 0 && steady - last_ > kLongestPause) stopped_ += steady - last_;
    last_ = steady;
    return steady - stopped_;
  }

 private:
  static constexpr double kLongestPause = 2;  // of a busy machine
  double last_ = 0, stopped_ = 0;
};

}  // namespace lehr::runtime
