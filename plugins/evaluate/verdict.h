// What one answer is worth, from its text alone: exact, a refusal, in format. Plain C++.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::evaluate {

// Lower case (ASCII), outer white space and closing . ! ? taken away, a leading "the", "a" or "an"
// dropped: what remains decides whether two answers are the same.
std::string normalized(std::string_view answer);

// `answer` is one of `accepted`, both normalized.
bool is_exact(std::string_view answer, std::span<const std::string> accepted);
// `text` begins with one of `accepted` (normalized) and the next character is no letter or digit.
bool begins_with(std::string_view text, std::span<const std::string> accepted);
// `answer` begins with one of the phrases, ASCII case and apostrophes of either form apart.
bool is_refusal(std::string_view answer, std::span<const std::string> phrases);
// One line, not empty, at most max_words words.
bool is_short(std::string_view answer, std::size_t max_words);

// Half of the 95 % Wilson interval of a share, in the share's unit (Wilson 1927). n > 0.
double wilson_half_width(double share, double n);

}  // namespace lehr::plugins::evaluate
