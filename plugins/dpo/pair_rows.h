// The pairs of the input `preferences` as every stage of this plugin sees them: cut to a length and
// packed into the rows of updates.
#pragma once

#include <lehr/context.h>

#include <cstdint>
#include <filesystem>
#include <optional>

#include "lm/config.h"
#include "lm/sequence_feed.h"
#include "lm/train_options.h"
#include "text/tokenizer.h"

namespace lehr::plugins::dpo {

struct PairRows {
  std::int64_t max_length;  // tokens of a prompt and an answer: what is longer was cut
  lm::SequenceFeed train;
  std::optional<lm::SequenceFeed> held_out;  // empty: there are none

  std::size_t train_pairs() const { return train.sequences(); }
  std::size_t held_out_pairs() const { return held_out ? held_out->sequences() : 0; }
};

// max_length: null: the context of the model that `config` is of. scratch: a folder of the file
// system that is to hold the sequences. Tells what was cut or dropped. Throws Error if there is
// nothing to train on.
PairRows read_pair_rows(Context& context, const text::Tokenizer& tokenizer,
                        const lm::ModelConfig& config, std::optional<std::int64_t> max_length,
                        const lm::TrainOptions& options, const std::filesystem::path& scratch);

}  // namespace lehr::plugins::dpo
