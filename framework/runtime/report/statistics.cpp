#include "runtime/report/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lehr::runtime {
namespace {

// The continued fraction of the incomplete beta function, by Lentz's method. Converges in tens of
// terms for x < (a + 1) / (a + b + 2), where it is called.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double v) { return std::fabs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m <= 1000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    value *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    value *= d * c;
    if (std::fabs(d * c - 1) < 1e-15) break;
  }
  return value;
}

// I_x(a, b), the regularised incomplete beta function.
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                   : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace

Sample sample_of(std::span<const double> values) {
  Sample out;
  out.n = values.size();
  if (out.n == 0) return out;
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(out.n);
  // Equal values have exactly no deviation, whatever the division above has rounded.
  if (std::equal(values.begin() + 1, values.end(), values.begin())) {
    out.mean = values.front();
    return out;
  }
  double squares = 0;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  out.deviation = std::sqrt(squares / static_cast<double>(out.n - 1));
  return out;
}

double student_p(double t, double degrees) {
  if (std::isnan(t)) return std::numeric_limits<double>::quiet_NaN();
  if (std::isinf(t)) return 0;
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

WelchTest welch_test(const Sample& a, const Sample& b) {
  WelchTest out;
  out.difference = b.mean - a.mean;
  const double va = a.deviation * a.deviation / static_cast<double>(a.n),
               vb = b.deviation * b.deviation / static_cast<double>(b.n);
  if (va + vb == 0) {
    out.degrees = static_cast<double>(a.n + b.n - 2);
    out.t = out.difference == 0
                ? 0
                : std::copysign(std::numeric_limits<double>::infinity(), out.difference);
    out.p = out.difference == 0 ? 1 : 0;
    return out;
  }
  out.t = out.difference / std::sqrt(va + vb);
  out.degrees = (va + vb) * (va + vb) /
                (va * va / static_cast<double>(a.n - 1) + vb * vb / static_cast<double>(b.n - 1));
  out.p = student_p(out.t, out.degrees);
  return out;
}

std::vector<double> holm_adjusted(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> out(p.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    largest =
        std::max(largest, std::min(1.0, p[order[rank]] * static_cast<double>(p.size() - rank)));
    out[order[rank]] = largest;
  }
  return out;
}

}  // namespace lehr::runtime
