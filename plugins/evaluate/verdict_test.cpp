#include "verdict.h"

#include <gtest/gtest.h>

namespace lehr::plugins::evaluate {
namespace {

TEST(Verdict, ShortIsOneLineOfFewWords) {
  EXPECT_TRUE(is_short("the New York", 3));
  EXPECT_FALSE(is_short("a b c d", 3));
  EXPECT_FALSE(is_short("a\nb", 3));
  EXPECT_FALSE(is_short("  ", 3));
}

TEST(Verdict, WilsonIntervalIsTheTextbooks) {
  EXPECT_NEAR(wilson_interval(0.5, 10).low, 0.2366, 1e-4);
  EXPECT_NEAR(wilson_interval(0.5, 10).high, 0.7634, 1e-4);
  EXPECT_EQ(wilson_interval(0, 1).low, 0);
  EXPECT_NEAR(wilson_interval(0, 1).high, 0.7935, 1e-4) << "no certainty from none of one";
  EXPECT_NEAR(wilson_interval(1, 30).low, 0.8865, 1e-4);
  EXPECT_EQ(wilson_interval(1, 30).high, 1);
}

}  // namespace
}  // namespace lehr::plugins::evaluate
