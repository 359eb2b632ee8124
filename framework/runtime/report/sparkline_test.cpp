#include "runtime/report/sparkline.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace lehr::runtime {
namespace {

TEST(Sparkline, RisesFromTheLowestBarToTheHighest) {
  EXPECT_EQ(sparkline(std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7}, 8, 0, 7), "▁▂▃▄▅▆▇█");
}

TEST(Sparkline, AveragesWhatDoesNotFit) {
  EXPECT_EQ(sparkline(std::vector<double>{0, 0, 7, 7}, 2, 0, 7), "▁█");
}

TEST(Sparkline, AConstantIsFlatAndNothingIsEmpty) {
  EXPECT_EQ(sparkline(std::vector<double>{3, 3}, 10, 3, 3), "▁▁");
  EXPECT_EQ(sparkline({}, 10, 0, 1), "");
}

TEST(Sparkline, WhatIsNoNumberIsBlank) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(sparkline(std::vector<double>{0, nan, 1}, 3, 0, 1), "▁ █");
}

}  // namespace
}  // namespace lehr::runtime
