#include "distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace lehr::data {
namespace {

TEST(Distribution, GivesQuantilesWithinSixPercentOfTheSortedValues) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> sizes(6, 2);
  Distribution distribution;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<std::uint64_t>(sizes(random)));
    distribution.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.5, 0.9, 0.999}) {
    const auto exact = static_cast<double>(values[static_cast<std::size_t>(q * 20000) - 1]);
    EXPECT_NEAR(static_cast<double>(distribution.quantile(q)), exact, 1 + exact * 0.07) << q;
  }
  EXPECT_EQ(distribution.quantile(1), values.back());
  EXPECT_EQ(distribution.largest(), values.back());
}

TEST(Distribution, CountsEveryValueInOneBarThatHoldsIt) {
  Distribution distribution;
  std::uint64_t count = 0;
  for (std::uint64_t value = 3; value < 1 << 20; value = value * 5 / 4 + 1, ++count)
    distribution.add(value);
  std::uint64_t seen = 0, next = 0;
  for (const auto& bar : distribution.bars()) {
    if (next != 0) {
      EXPECT_EQ(bar.low, next);
    }
    EXPECT_LE(bar.low, bar.high);
    next = bar.high + 1;
    seen += bar.count;
  }
  EXPECT_EQ(seen, count);
  EXPECT_EQ(distribution.bars().front().low, 3u);
  EXPECT_TRUE(Distribution().bars().empty());
  EXPECT_EQ(Distribution().quantile(0.5), 0u);
}

}  // namespace
}  // namespace lehr::data
