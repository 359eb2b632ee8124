// Whether an answer says what was expected, by its text alone: for evaluation and for rewards,
// which so mean the same by a right answer.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lehr::text {

// Lower case (ASCII), outer white space and closing . ! ? taken away, a leading "the", "a" or "an"
// dropped: what remains decides whether two answers are the same.
std::string normalized_answer(std::string_view answer);

// `answer` is one of `accepted`, both normalized.
bool is_exact(std::string_view answer, std::span<const std::string> accepted);
// `text` begins with one of `accepted` (normalized) and the next character is no letter or digit.
bool begins_with(std::string_view text, std::span<const std::string> accepted);
// `answer` begins with one of the phrases, ASCII case and apostrophes of either form apart.
bool is_refusal(std::string_view answer, std::span<const std::string> phrases);

}  // namespace lehr::text
