// The reference's log-probabilities of all pairs, before training: a pass that goes on where it was
// stopped or killed. Every `checkpoint_every` seconds, at multiples of `checkpoint_steps` rows and
// when asked to cancel, what there is becomes a durable state, which the first checkpoint of
// training replaces.
#pragma once

#include <lehr/context.h>

#include "lm/model.h"
#include "lm/train_options.h"
#include "pair_logprobs.h"
#include "pair_rows.h"

namespace lehr::plugins::dpo {

// Both answers of each pair of a row. They go through the model in the rows in which training will
// see them: the same products, so the same bits.
using ScorePairs = RowLogprobs (*)(const lm::Model&, const lm::Packed&);

// Fills in PairSet::reference; of the pairs to train on 0 where training is false. Throws
// Cancelled.
void compute_reference(Context& context, const lm::TrainOptions& options,
                       const lm::Model& reference, ScorePairs score, bool training, PairRows& rows);

}  // namespace lehr::plugins::dpo
