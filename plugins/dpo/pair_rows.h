// The rows of the input `preferences` or `feedback` as every stage of this plugin sees them: pairs,
// each two answers to one prompt, cut to a length and packed into the rows of updates.
#pragma once

#include <lehr/context.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "lm/config.h"
#include "lm/sequence_feed.h"
#include "lm/train_options.h"
#include "text/tokenizer.h"

namespace lehr::plugins::dpo {

struct PairSet {
  lm::SequenceFeed feed;
  // Of feedback, by pair: whether the answer is good.
  std::vector<bool> good = {};
  // What the reference makes of them: sums of ln p over the tokens of each answer, [2][pairs].
  // Empty: not known, or not needed.
  std::array<std::vector<float>, 2> reference = {};

  std::size_t pairs() const { return feed.sequences(); }
};

struct PairRows {
  std::int64_t max_length;              // tokens of a prompt and an answer: what is longer was cut
  std::array<const char*, 2> branches;  // what the answers are
  PairSet train;
  std::optional<PairSet> held_out = {};  // empty: there are none

  std::size_t held_out_pairs() const { return held_out ? held_out->pairs() : 0; }
};

// Pairs of a chosen and a rejected answer. max_length: null: the context of the model that `config`
// is of. scratch: a folder of the file system that is to hold the sequences. Tells what was cut or
// dropped. Throws Error if there is nothing to train on.
PairRows read_pair_rows(Context& context, const text::Tokenizer& tokenizer,
                        const lm::ModelConfig& config, std::optional<std::int64_t> max_length,
                        const lm::TrainOptions& options, const std::filesystem::path& scratch);

// The same of feedback: pairs of the answer and a mismatched one. Throws Error too if there is one
// row alone.
PairRows read_feedback_rows(Context& context, const text::Tokenizer& tokenizer,
                            const lm::ModelConfig& config, std::optional<std::int64_t> max_length,
                            const lm::TrainOptions& options, const std::filesystem::path& scratch);

}  // namespace lehr::plugins::dpo
