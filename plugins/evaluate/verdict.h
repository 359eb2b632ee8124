// Whether an answer is in format, and how sure a share of such answers is. Whether it is right:
// text/answer_match.h. Plain C++.
#pragma once

#include <cstddef>
#include <string_view>

namespace lehr::plugins::evaluate {

// One line, not empty, at most max_words words.
bool is_short(std::string_view answer, std::size_t max_words);

// The 95 % Wilson interval of a share, in the share's unit (Wilson 1927). n > 0. It does not lie
// evenly around the share: of none of one it reaches up to 0.79.
struct Interval {
  double low, high;
};
Interval wilson_interval(double share, double n);

}  // namespace lehr::plugins::evaluate
