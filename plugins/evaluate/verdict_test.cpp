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
  // n = 10, share 0.5: (0.2366, 0.7634), half of which is 0.2634.
  EXPECT_NEAR(wilson_half_width(0.5, 10), 0.2634, 1e-4);
  EXPECT_GT(wilson_half_width(0.0, 10), 0.1) << "no certainty from ten of ten";
}

}  // namespace
}  // namespace lehr::plugins::evaluate
