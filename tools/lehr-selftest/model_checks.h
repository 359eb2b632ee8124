// Checks of the model itself, on the device and in the precision of the models given. Each takes
// both sides of what must be equal.
#pragma once

#include <span>
#include <vector>

#include "lm/batch.h"
#include "lm/model.h"
#include "measure.h"

namespace lehr::lm {
struct ReferenceModel;
}

namespace lehr::selftest {

// Losses, log-probabilities and the gradient of every parameter, relative. `model` is trainable.
Measure reference_difference(lm::Model& model, const lm::ReferenceModel& reference,
                             const lm::PackedBatch& batch);

// The segments of a batch one at a time, each after the prefix it sees; those without loss entries
// are left out.
std::vector<lm::PackedBatch> documents_of(const lm::PackedBatch& packed);
// Losses and gradients, relative. `model` is trainable.
Measure packed_difference(lm::Model& model, const lm::PackedBatch& packed,
                          std::span<const lm::PackedBatch> alone);

// Logits, relative.
Measure adapter_difference(const lm::Model& beside, const lm::Model& merged,
                           const lm::PackedBatch& batch);

// What `drawing` says of the tokens that it draws and `training` of the same tokens, in nats.
Measure decoding_difference(const lm::Model& drawing, const lm::Model& training);

// Scores in packed rows and one at a time, in deviations of the scores.
Measure reward_difference(const lm::Model& together, const lm::Model& alone);

}  // namespace lehr::selftest
