#include "verdict.h"

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

double wilson_half_width(double share, double n) {
  constexpr double z = 1.959963984540054;
  return z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
}

}  // namespace lehr::plugins::evaluate
