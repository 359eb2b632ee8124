#include "runtime/report/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace lehr::runtime {
namespace {

TEST(Statistics, MeanAndDeviationOfOneTwoThreeFour) {
  const Sample s = sample_of(std::vector<double>{1, 2, 3, 4});
  EXPECT_EQ(s.n, 4u);
  EXPECT_DOUBLE_EQ(s.mean, 2.5);
  EXPECT_DOUBLE_EQ(s.deviation, std::sqrt(5.0 / 3));  // (2.25 + 0.25 + 0.25 + 2.25) / 3
}

TEST(Statistics, OneValueHasNoDeviation) {
  EXPECT_EQ(sample_of(std::vector<double>{7}).deviation, 0);
  EXPECT_EQ(sample_of({}).n, 0u);
}

TEST(Statistics, EqualValuesHaveExactlyNoDeviation) {
  const Sample s = sample_of(std::vector<double>{0.1, 0.1, 0.1});
  EXPECT_EQ(s.mean, 0.1);
  EXPECT_EQ(s.deviation, 0);
}

// With one degree of freedom Student's t is Cauchy's distribution: p = 1 - 2/pi atan(t).
TEST(Statistics, PValuesOfOneDegreeAreCauchys) {
  for (const double t : {0.1, 1.0, 3.0, 12.706})
    EXPECT_NEAR(student_p(t, 1), 1 - 2 / std::numbers::pi * std::atan(t), 1e-12) << t;
}

// With two degrees p = 1 - t / sqrt(2 + t^2).
TEST(Statistics, PValuesOfTwoDegrees) {
  for (const double t : {0.1, 1.0, 4.302653, 30.0})
    EXPECT_NEAR(student_p(t, 2), 1 - t / std::sqrt(2 + t * t), 1e-12) << t;
}

// With four degrees, s = t / sqrt(4 + t^2): p = 1 - s (3 - s^2) / 2.
TEST(Statistics, PValuesOfFourDegrees) {
  for (const double t : {0.2, 2.776445, 3.674235, 9.0}) {
    const double s = t / std::sqrt(4 + t * t);
    EXPECT_NEAR(student_p(t, 4), 1 - s * (3 - s * s) / 2, 1e-12) << t;
  }
}

TEST(Statistics, PValuesOfManyDegreesApproachTheNormalDistribution) {
  EXPECT_NEAR(student_p(1.959964, 1e7), 0.05, 1e-6);
  EXPECT_NEAR(student_p(-1.959964, 1e7), 0.05, 1e-6);
  EXPECT_EQ(student_p(0, 5), 1);
}

// {1,2,3} and {4,5,6}: t = 3 / sqrt(1/3 + 1/3), equal variances, so exactly 4 degrees.
TEST(Statistics, WelchOfEqualVariances) {
  const WelchTest w =
      welch_test(sample_of(std::vector<double>{1, 2, 3}), sample_of(std::vector<double>{4, 5, 6}));
  EXPECT_DOUBLE_EQ(w.difference, 3);
  EXPECT_DOUBLE_EQ(w.t, 3 / std::sqrt(2.0 / 3));
  EXPECT_DOUBLE_EQ(w.degrees, 4);
  EXPECT_NEAR(w.p, 0.021312, 1e-6);
}

// {0,1,2} and {0,4,8}: variances 1 and 16 over 3 each, so t = 3 / sqrt(17/3) and
// degrees = (17/3)^2 / ((1/3)^2/2 + (16/3)^2/2) = 289 * 2 / 257.
TEST(Statistics, WelchOfUnequalVariancesHasFewerDegrees) {
  const WelchTest w =
      welch_test(sample_of(std::vector<double>{0, 1, 2}), sample_of(std::vector<double>{0, 4, 8}));
  EXPECT_DOUBLE_EQ(w.t, 3 / std::sqrt(17.0 / 3));
  EXPECT_DOUBLE_EQ(w.degrees, 578.0 / 257);
  EXPECT_GT(w.p, 0.2);
  EXPECT_LT(w.p, 0.4);
}

TEST(Statistics, WithoutScatterADifferenceIsCertainAndEqualityIsNone) {
  const Sample a = sample_of(std::vector<double>{2, 2, 2}),
               b = sample_of(std::vector<double>{3, 3});
  EXPECT_EQ(welch_test(a, b).p, 0);
  EXPECT_EQ(welch_test(a, a).p, 1);
}

// Sorted 0.01, 0.02, 0.04: times 3, 2, 1, never less than the one before.
TEST(Statistics, HolmMultipliesTheSmallestMost) {
  const auto p = holm_adjusted({0.04, 0.01, 0.02});
  EXPECT_NEAR(p[1], 0.03, 1e-15);
  EXPECT_NEAR(p[2], 0.04, 1e-15);
  EXPECT_NEAR(p[0], 0.04, 1e-15);
  EXPECT_EQ(holm_adjusted({0.9, 0.8})[0], 1);
}

}  // namespace
}  // namespace lehr::runtime
