// What a model expects after each token of a sequence: the maths behind every view. V vocabulary.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lm/model.h"

namespace lehr::inspect {

// Told as an Error, by what computes logits.
inline constexpr const char* kNotFinite =
    "the model's logits are not finite: its weights are too large to compute with";

struct Candidate {
  std::int32_t id = 0;
  double logprob = 0;  // nats
};

// After the last of `ids`.
struct NextToken {
  std::vector<Candidate> likeliest;  // first the likeliest; equal ones by id
  double rest = 0;                   // probability of all others
  double entropy_bits = 0;
  std::int64_t vocabulary = 0;
};
NextToken next_token(const lm::Model& model, const std::vector<std::int32_t>& ids,
                     std::size_t count);

struct ScoredToken {
  Candidate token;
  std::int64_t rank = 1;  // 1: nothing is likelier
  Candidate likeliest;
};
// One for each of `ids` but the first, which nothing predicts. Longer than the context: in windows
// that begin half a context apart, so that every token sees at least half a context.
std::vector<ScoredToken> score(const lm::Model& model, const std::vector<std::int32_t>& ids);

}  // namespace lehr::inspect
