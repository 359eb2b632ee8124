// Chooses the next token from one row of logits: greedy, or temperature with optional truncation
// (top-k, top-p of Holtzman et al. 2020, min-p). Randomness comes in as one uniform number, so a
// choice depends on nothing but the row and that number. Plain C++.
#pragma once

#include <cstdint>
#include <span>

namespace lehr::lm {

struct SamplingOptions {
  double temperature = 1.0;  // 0: greedy
  int64_t top_k = 0;         // keep the k likeliest; 0: all
  double top_p = 1.0;        // keep the likeliest tokens whose probabilities reach p; 1: all
  double min_p = 0.0;        // keep tokens at least min_p times as likely as the likeliest; 0: all

  bool truncates() const { return top_k > 0 || top_p < 1.0 || min_p > 0.0; }
};

// Throws std::invalid_argument naming the value that cannot be.
void check(const SamplingOptions& options);

struct Choice {
  int32_t token = 0;
  // ln of the probability with which it was chosen: of softmax(logits / temperature) after
  // truncation. Greedy: of softmax(logits).
  float logprob = 0;
};

// logits: [V], finite. uniform in [0, 1). Ties of greedy and truncation go to the lower id.
Choice choose(std::span<const float> logits, const SamplingOptions& options, double uniform);

}  // namespace lehr::lm
