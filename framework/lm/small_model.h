// A model small enough for the slow reference, and batches that hold every kind of segment: of
// tests and of `lehr selftest`.
#pragma once

#include "lm/device.h"
#include "lm/model.h"
#include "lm/operators.h"
#include "lm/random.h"

namespace lehr::lm {

inline ModelConfig small_config(bool tied = true) {
  ModelConfig c;
  c.hidden_size = 48;
  c.intermediate_size = 72;
  c.layers = 3;
  c.heads = 4;
  c.kv_heads = 2;
  c.head_dim = 10;  // not a multiple of any vector
  c.vocab_size = 97;
  c.tie_word_embeddings = tied;
  c.max_position_embeddings = 256;
  c.initializer_range = 0.2;  // activations large enough that every path matters
  return c;
}

// Biases start at 0 and norms at 1: other values show that they are used.
inline Model disturbed(Model model) {
  const Random random(99, Purpose::kUser);
  for (const ParameterSlot& slot : model.slots()) {
    if (slot.shape.size() != 1) continue;
    std::vector<float> noise;
    for (int64_t i = 0; i < slot.size; ++i)
      noise.push_back(
          static_cast<float>(0.3 * random.normal(static_cast<uint64_t>(slot.offset + i))));
    model.parameter(slot.name).add_(floats(noise, device()));
  }
  model.refresh_compute_copy();
  return model;
}

inline void append(PackedBatch& batch, int32_t count, uint64_t seed, int32_t prefix_begin = 0,
                   int32_t prefix_end = 0) {
  const Random random(seed, Purpose::kUser);
  const auto begin = static_cast<int32_t>(batch.size());
  const int32_t prefix = prefix_end - prefix_begin;
  for (int32_t i = 0; i < count; ++i) {
    batch.ids.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(i), 97)));
    batch.positions.push_back(prefix + i);
  }
  const auto segment = static_cast<int32_t>(batch.segments.size());
  batch.segments.push_back({begin, begin + count, prefix_begin, prefix_end});
  if (prefix > 0) {
    batch.loss_entries.push_back(
        {prefix_end - 1, batch.ids[static_cast<size_t>(begin)], 0.25f, segment});
  }
  for (int32_t i = 0; i + 1 < count; ++i) {
    batch.loss_entries.push_back({begin + i, batch.ids[static_cast<size_t>(begin + i + 1)],
                                  0.5f + 0.01f * static_cast<float>(i), segment});
  }
}

// Documents of several lengths, and a prompt shared by two answers: one across query blocks.
inline PackedBatch mixed_batch() {
  PackedBatch batch;
  append(batch, 5, 1);
  append(batch, 70, 2);
  append(batch, 13, 3);          // rows 75..88: the prompt
  append(batch, 40, 4, 75, 88);  // an answer
  append(batch, 9, 5, 75, 88);   // another
  append(batch, 1, 6);
  return batch;
}

inline at::Tensor total_loss(const Model& model, const PackedBatch& batch) {
  return linear_cross_entropy(model.forward_hidden(batch), model.head(), batch.loss_entries).loss;
}

}  // namespace lehr::lm
