// How far two things that must be equal are apart.
#pragma once

#include <cmath>
#include <string>

namespace lehr::selftest {

struct Measure {
  double difference = 0;  // the greatest that was met; not a number, once one was none
  std::string where;      // of what

  void take(double value, const std::string& of) {
    if (std::isnan(difference)) return;
    if (where.empty() || !(value <= difference)) {
      difference = value;
      where = of;
    }
  }
};

}  // namespace lehr::selftest
