// Answers for many prompts at once: a key/value cache, one batched decoding step for all running
// answers, and continuous batching: an answer that ends makes room for a waiting prompt. Equal
// prompts that are taken in together run through the model once; each answer gets a copy of their
// keys and values, so that its own lie in one run. Which random number decides a token is a
// function of (seed, sample, position in the answer); logits depend on the neighbours only within
// rounding.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lm/kv_cache.h"
#include "lm/model.h"
#include "lm/sampler.h"

namespace lehr::lm {

struct GenerationRequest {
  std::vector<int32_t> prompt;  // not empty, shorter than the model's context
  uint64_t sample = 0;          // stream of random numbers; two requests of one number draw alike
};

constexpr int64_t kPrefillTokens = 2048;  // of prompts taken in together; bounds memory

struct GenerationOptions {
  SamplingOptions sampling = {};
  int64_t max_new_tokens = 64;
  std::vector<int32_t> stop_tokens = {};
  uint64_t seed = 0;
  int64_t batch = 64;  // answers decoded together
};

struct Generation {
  std::vector<int32_t> tokens;  // the stop token included
  std::vector<float> logprobs;  // of the tokens, see Choice::logprob
  bool stopped =
      false;  // a stop token or `token` ended it; false: max_new_tokens or the context did
};

// What is told while answers grow; each may be left out, and may throw to stop early.
struct GenerationCallbacks {
  // Answer `i` has one token more. True: it ends there, as a stop token would end it.
  std::function<bool(size_t i, const Generation& so_far)> token = {};
  std::function<void(size_t i)> finished = {};  // in the order in which answers end
};

// A conversation so far: keys and values of a prompt and its answer. As far as the next prompt
// begins with the same tokens it is not run through the model again.
struct KeptPrefix {
  std::optional<KvCache> cache = {};
  std::vector<int32_t> ids = {};  // whose rows the cache holds
  int64_t reused = 0;             // of them by the last prompt
};

// Answers in the order of the requests. kept: of the only request, from one call for the same model
// to the next. Throws std::invalid_argument for a prompt that is empty or leaves no room for an
// answer.
std::vector<Generation> generate(const Model& model, std::span<const GenerationRequest> requests,
                                 const GenerationOptions& options,
                                 const GenerationCallbacks& callbacks = {},
                                 KeptPrefix* kept = nullptr);

}  // namespace lehr::lm
