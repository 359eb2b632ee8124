#include "verdict.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace lehr::plugins::evaluate {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

}  // namespace

bool is_short(std::string_view answer, std::size_t max_words) {
  if (answer.find('\n') != std::string_view::npos) return false;
  std::size_t words = 0;
  bool inside = false;
  for (const char c : answer) {
    words += !is_space(c) && !inside;
    inside = !is_space(c);
  }
  return words > 0 && words <= max_words;
}

Interval wilson_interval(double share, double n) {
  constexpr double z = 1.959963984540054;
  const double shrink = 1 / (1 + z * z / n);
  const double middle = shrink * (share + z * z / (2 * n));
  const double half = shrink * z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

}  // namespace lehr::plugins::evaluate
