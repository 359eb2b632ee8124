// The answers of one iteration: every quantity per token lies in one flat array over all answers'
// tokens, M in all, in the order of the answers. Packed rows hold them in another order; the flat
// index of each loss entry connects the two.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "lm/gae.h"
#include "lm/generator.h"
#include "lm/model.h"
#include "lm/packer.h"

namespace lehr::plugins::ppo {

struct Rollouts {
  std::vector<lm::Sequence> sequences;  // prompt and answer; weight 1 on the answer's tokens
  std::vector<lm::AnswerSpan> spans;    // of the answers in the flat arrays
  std::vector<float> sampled_logprobs;  // [M], as decoding saw them
  std::size_t tokens() const { return sampled_logprobs.size(); }
  std::size_t size() const { return sequences.size(); }
};
Rollouts make_rollouts(std::span<const lm::GenerationRequest> requests,
                       std::span<const lm::Generation> answers);

// A packed row of rollouts with the flat index of each of its loss entries.
struct RolloutRow {
  lm::Packed packed;
  std::vector<std::int64_t> flat;  // [entries]
  std::vector<std::int32_t> rows;  // [entries], LossEntry::row: where the critic reads V
};
// Splits `order` (numbers of rollouts) into `count` minibatches of nearly equal size, each packed
// into rows of at most row_tokens.
std::vector<std::vector<RolloutRow>> minibatches(const Rollouts& rollouts,
                                                 std::span<const std::uint64_t> order,
                                                 std::int64_t count, std::int64_t row_tokens);

// Elements `row.flat` of a flat array: [entries] float32.
at::Tensor gather(const std::vector<float>& flat_array, const RolloutRow& row);

// Runs a model over all minibatches without recording; [M] each.
struct TokenScores {
  std::vector<float> logprobs, entropies;
};
TokenScores token_scores(const lm::Model& model,
                         const std::vector<std::vector<RolloutRow>>& minibatches,
                         std::size_t tokens, double temperature);
std::vector<float> token_values(const lm::Model& critic,
                                const std::vector<std::vector<RolloutRow>>& minibatches,
                                std::size_t tokens);

}  // namespace lehr::plugins::ppo
