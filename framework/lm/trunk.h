// The layers of a model from token ids to final hidden states, forward and backward written
// out by hand: autograd sees one node. N tokens, C channels, (H+2K)*D qkv width, F feed-forward.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "lm/batch.h"
#include "lm/config.h"
#include "lm/linear.h"
#include "lm/operators.h"
#include "lm/training_noise.h"

namespace lehr::lm {

// One layer's weights (compute dtype) or their gradients (float32; undefined where frozen).
struct LayerWeights {
  at::Tensor input_norm;  // [C]
  Linear qkv;             // [(H+2K)*D, C]
  at::Tensor q_norm;      // [D] or undefined
  at::Tensor k_norm;      // [D] or undefined
  Linear output;          // [C, H*D]
  at::Tensor post_norm;   // [C]
  Linear gate_up;         // [2F, C]
  Linear down;            // [C, F]
};

struct TrunkWeights {
  at::Tensor embedding;  // [V, C]
  std::vector<LayerWeights> layers;
  at::Tensor final_norm;  // [C]
};

// sink(layer, qkv) sees each layer's qkv [N, (H+2K)*D] after rope; valid only during the call.
using KeyValueSink = std::function<void(int64_t layer, const at::Tensor& qkv)>;

// Queries, keys and values of normed [N, C] as attention takes them: [N, (H+2K)*D]. angles: the
// rope table [N, D].
at::Tensor project_qkv(const ModelConfig& config, const LayerWeights& weights,
                       const at::Tensor& normed, const at::Tensor& angles);

// -> [N, C] after the final norm. Records nothing. sink may be empty.
at::Tensor trunk_hidden(const ModelConfig& config, const TrunkWeights& weights,
                        const PackedBatch& batch, const KeyValueSink& sink);

// The same, recorded: backward adds into `gradients`. checkpointing: keep layer inputs only.
at::Tensor trunk_hidden_recorded(const ModelConfig& config, const TrunkWeights& weights,
                                 const TrunkWeights& gradients, const PackedBatch& batch,
                                 const TrainingNoise& noise, bool checkpointing);

}  // namespace lehr::lm
