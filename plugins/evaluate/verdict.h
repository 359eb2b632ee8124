// Whether an answer is in format, and how sure a share of such answers is. Whether it is right:
// text/answer_match.h. Plain C++.
#pragma once

#include <cstddef>
#include <string_view>

namespace lehr::plugins::evaluate {

// One line, not empty, at most max_words words.
bool is_short(std::string_view answer, std::size_t max_words);

// Half of the 95 % Wilson interval of a share, in the share's unit (Wilson 1927). n > 0.
double wilson_half_width(double share, double n);

}  // namespace lehr::plugins::evaluate
