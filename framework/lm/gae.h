// Generalized advantage estimation (Schulman et al. 2016) over the answers of one iteration, and
// the rewards it starts from. Plain C++ over one flat array of all answers' tokens, so no padding
// enters any mean.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lehr::lm {

// Tokens [begin, end) of the flat arrays are one answer's, the last one its end-of-turn or the last
// before it was cut off.
struct AnswerSpan {
  int64_t begin = 0;
  int64_t end = 0;
};

// rewards[t] = -beta * kl[t], and scores[i] added on the last token of answer i. kl: [M], scores:
// [answers] -> [M].
std::vector<double> token_rewards(std::span<const double> kl, std::span<const AnswerSpan> answers,
                                  std::span<const double> scores, double beta);

struct Advantages {
  std::vector<double> advantages;  // [M], not whitened
  std::vector<double> returns;     // [M], advantages + values
};
// delta_t = r_t + gamma V_{t+1} - V_t with V = 0 after the last token;
// A_t = delta_t + gamma lambda A_{t+1}.
Advantages generalized_advantages(std::span<const double> rewards, std::span<const double> values,
                                  std::span<const AnswerSpan> answers, double gamma, double lambda);

// (A - mean) / sqrt(var + 1e-8), var with Bessel's correction. One element becomes 0.
void whiten(std::vector<double>& values);

}  // namespace lehr::lm
