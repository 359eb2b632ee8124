#include "resampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace lehr::plugins::reward {
namespace {

TEST(Resampling, DrawsEachPairOnceOnAverage) {
  constexpr int kPairs = 100000;
  std::map<int, int> seen;
  double sum = 0, both = 0;
  for (int pair = 0; pair < kPairs; ++pair) {
    const int a = times_drawn(7, 0, pair), b = times_drawn(7, 1, pair);
    ++seen[a];
    sum += a;
    both += (a - 1) * (b - 1);
    ASSERT_EQ(times_drawn(7, 0, pair), a);
  }
  // Of variance 1: within five deviations of the mean of so many.
  EXPECT_NEAR(sum / kPairs, 1, 5 / std::sqrt(kPairs));
  EXPECT_NEAR(both / kPairs, 0, 5 / std::sqrt(kPairs)) << "heads draw by themselves";
  double chance = std::exp(-1.0);
  for (int count = 0; count < 6; chance /= ++count)
    EXPECT_NEAR(seen[count] / double{kPairs}, chance, 5 * std::sqrt(chance / kPairs)) << count;
}

}  // namespace
}  // namespace lehr::plugins::reward
