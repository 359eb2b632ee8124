// What a few replicas of one number say: mean, deviation, and whether two means differ by more than
// the replicas scatter (Welch's t-test, which does not assume that both scatter alike).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lehr::runtime {

struct Sample {
  std::size_t n = 0;
  double mean = 0;
  double deviation = 0;  // of the sample, with n - 1; 0 where n < 2
};

Sample sample_of(std::span<const double> values);

struct WelchTest {
  double difference = 0;  // b's mean - a's mean
  double t = 0, degrees = 0;
  double p = 1;  // two-sided: how often chance alone gives a difference as large
};

// Both with n >= 2. Two samples without any scatter: p is 1 if the means are equal, else 0.
WelchTest welch_test(const Sample& a, const Sample& b);

// Two-sided p value of Student's t with `degrees` > 0 degrees of freedom (need not be whole).
double student_p(double t, double degrees);

// Holm's step-down correction for several tests of one question; in the order given.
std::vector<double> holm_adjusted(const std::vector<double>& p);

}  // namespace lehr::runtime
