// The answers of one iteration: every quantity per token lies in one flat array over all answers'
// tokens, M in all, in the order of the answers. Packed rows hold them in another order; the flat
// index of each loss entry connects the two. Answers to one prompt are a group; they share the
// prompt's rows, as far as a row holds them, and are always in one minibatch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lm/gae.h"
#include "lm/generator.h"
#include "lm/model.h"
#include "lm/packer.h"

namespace lehr::plugins::ppo {

struct Rollouts {
  // A prompt and its answer, weight 1 on the answer's tokens; of a group the prompt with answers as
  // branches, as many as fit into a row.
  std::vector<lm::Sequence> sequences;
  std::vector<std::size_t> first_answers;    // [sequences]
  std::vector<std::size_t> first_sequences;  // [groups + 1], the last one their number
  std::vector<lm::AnswerSpan> spans;         // of the answers in the flat arrays
  std::vector<float> sampled_logprobs;       // [M], as decoding saw them
  std::vector<bool> ended;                   // [answers], their turn; else they were cut off
  std::size_t tokens() const { return sampled_logprobs.size(); }
  std::size_t answers() const { return spans.size(); }
  std::size_t groups() const { return first_sequences.size() - 1; }
  // Of the branch of a sequence, as in SegmentOwner.
  std::size_t answer_of(const lm::SegmentOwner& owner) const;
};
// Every `group` requests in a row have one prompt. row_tokens: of a row that a group shares.
Rollouts make_rollouts(std::span<const lm::GenerationRequest> requests,
                       std::span<const lm::Generation> answers, std::int64_t group,
                       std::int64_t row_tokens);

// A packed row of rollouts with the flat index of each of its loss entries.
struct RolloutRow {
  lm::Packed packed;
  std::vector<std::int64_t> flat;     // [entries]
  std::vector<std::int32_t> rows;     // [entries], LossEntry::row: where the critic reads V
  std::vector<std::int64_t> answers;  // [entries], which of the row's answers
  std::vector<std::int64_t> firsts;   // flat index of each answer's first token
};
// Splits `order` (numbers of groups) into `count` minibatches of nearly equal size, each packed
// into rows of at most row_tokens.
std::vector<std::vector<RolloutRow>> minibatches(const Rollouts& rollouts,
                                                 std::span<const std::uint64_t> order,
                                                 std::int64_t count, std::int64_t row_tokens);
// All groups in their order, as one minibatch.
std::vector<std::vector<RolloutRow>> whole(const Rollouts& rollouts, std::int64_t row_tokens);

// Elements of a flat array: [indices] float32.
at::Tensor gather(const std::vector<float>& flat_array, std::span<const std::int64_t> indices);

// Called before each row that a model is run over; may throw to end the pass.
using Ask = std::function<void()>;

// Runs a model over all minibatches without recording; [M] each.
struct TokenScores {
  std::vector<float> logprobs, entropies;
  std::vector<float> values;  // V before each token, where the model has a value head
};
TokenScores token_scores(const lm::Model& model,
                         const std::vector<std::vector<RolloutRow>>& minibatches,
                         std::size_t tokens, double temperature, const Ask& ask = {});
std::vector<float> token_values(const lm::Model& critic,
                                const std::vector<std::vector<RolloutRow>>& minibatches,
                                std::size_t tokens, const Ask& ask = {});
// A reward model's numbers for each answer, read at its last token: [answers], and by each head of
// an ensemble, [heads][answers].
struct AnswerScores {
  std::vector<double> scores;
  std::vector<std::vector<double>> heads;
};
// heads: those of the ensemble, as score heads of `judge`, or none.
AnswerScores answer_scores(const lm::Model& judge, std::span<const lm::LinearHead> heads,
                           const Rollouts& rollouts, std::int64_t row_tokens, const Ask& ask = {});

}  // namespace lehr::plugins::ppo
