// The reference's log-probabilities of all pairs, before training: a pass that goes on where it was
// stopped or killed. Every `checkpoint_every` seconds, at multiples of `checkpoint_steps` rows and
// when asked to cancel, what there is becomes a durable state, which the first checkpoint of
// training replaces.
#pragma once

#include <lehr/context.h>

#include "lm/model.h"
#include "lm/sequence_feed.h"
#include "lm/train_options.h"
#include "pair_logprobs.h"

namespace lehr::plugins::dpo {

// Fills `train` with the pairs of the first epoch of `feed` and `held_out` with those of
// `evaluation`; null: there are none. Both have their sizes. Throws Cancelled.
void compute_reference(Context& context, const lm::TrainOptions& options,
                       const lm::Model& reference, lm::SequenceFeed* feed,
                       const lm::SequenceFeed* evaluation, ReferenceLogprobs& train,
                       ReferenceLogprobs& held_out);

}  // namespace lehr::plugins::dpo
