// A model whose parameters are one flat float32 buffer (the master), beside it a
// bf16 compute copy where precision is bf16, and one flat float32 gradient buffer where it trains.
// Backward adds into the gradient buffer, so micro-batches accumulate; autograd carries only the
// hidden states. Not for use from several threads at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lm/batch.h"
#include "lm/config.h"
#include "lm/operators.h"
#include "lm/runtime.h"
#include "lm/trunk.h"

namespace lehr::lm {

// Where a named HF tensor lies in the flat buffers.
struct ParameterSlot {
  std::string name;
  std::vector<int64_t> shape;
  int64_t offset = 0;  // elements
  int64_t size = 0;
  bool decay = false;  // weight decay applies: 2-D weights only
};

// All parameters of such a model in the order of the flat buffers.
std::vector<ParameterSlot> parameter_slots(const ModelConfig& config);

class Model {
 public:
  // Normal(0, initializer_range); o_proj and down_proj scaled by 1/sqrt(2 * layers); norms 1,
  // biases 0; score head Normal(0, 1/sqrt(C+1)). The same seed gives the same model everywhere.
  static Model create(const ModelConfig& config, uint64_t seed,
                      Precision precision = default_precision());
  // All weights 0, to be filled by the caller, who then calls refresh_compute_copy().
  static Model blank(const ModelConfig& config, Precision precision = default_precision());
  // config.json and the weights of `dir` (model_weights.h), of float32, bf16 or f16. Throws
  // std::runtime_error naming the tensor at fault.
  static Model load(const std::filesystem::path& dir, Precision precision = default_precision());

  Model(Model&&) = default;
  Model& operator=(Model&&) = default;

  // An independent copy of the weights, without gradients: the frozen reference, a snapshot.
  Model clone() const;
  // The trunk under a new score head (LlamaForSequenceClassification): reward and value models.
  Model with_score_head(uint64_t seed) const;

  // Writes config.json and model.safetensors (float32). Tokenizer files are the caller's.
  void save(const std::filesystem::path& dir) const;

  const ModelConfig& config() const { return config_; }
  Precision precision() const { return precision_; }
  HeadShape head_shape() const;

  // Allocates the gradient buffer (zero); from now on forward_hidden records for backward where
  // grad mode is on. A model that was not made trainable never records.
  void make_trainable();
  bool trainable() const { return gradients_.defined(); }
  // Keep only layer inputs and recompute the rest in backward: less memory, about a third more
  // work.
  void set_activation_checkpointing(bool on) { checkpointing_ = on; }

  // batch -> hidden states after the final norm: [N, C] compute dtype.
  at::Tensor forward_hidden(const PackedBatch& batch) const;
  // As above without recording; `sink` may fill a key/value cache.
  at::Tensor forward_hidden(const PackedBatch& batch, const KeyValueSink& sink) const;

  // hidden rows [M, C] -> logits [M, V] float32, no gradient.
  at::Tensor logits(const at::Tensor& hidden_rows) const;
  // The language head ([V, C], tied or not) or the score head ([1, C]).
  LinearHead head() const;

  // Runs autograd from `loss` (scalar) and adds into gradients().
  void backward(const at::Tensor& loss) const;
  void zero_gradients();

  // Flat buffers. After writing to weights() call refresh_compute_copy(). At fp32 the compute copy
  // is the master itself.
  const at::Tensor& weights() const { return weights_; }
  const at::Tensor& compute_weights() const { return compute_; }
  const at::Tensor& gradients() const { return gradients_; }
  void refresh_compute_copy();

  const std::vector<ParameterSlot>& slots() const { return slots_; }
  at::Tensor parameter(const std::string& name) const;  // float32 master view; throws when absent
  at::Tensor gradient(const std::string& name) const;   // float32 view; throws when absent

  // For decoding loops of one's own.
  const LayerWeights& layer(int64_t index) const {
    return trunk_.layers[static_cast<size_t>(index)];
  }
  const at::Tensor& embedding() const { return trunk_.embedding; }    // [V, C] compute dtype
  const at::Tensor& final_norm() const { return trunk_.final_norm; }  // [C]

 private:
  Model(const ModelConfig& config, Precision precision);
  const ParameterSlot& slot(const std::string& name) const;

  ModelConfig config_;
  Precision precision_;
  bool checkpointing_ = false;
  std::vector<ParameterSlot> slots_;
  at::Tensor weights_;
  at::Tensor compute_;
  at::Tensor gradients_;
  TrunkWeights trunk_;            // views of compute_
  TrunkWeights trunk_gradients_;  // views of gradients_; empty when not trainable
};

}  // namespace lehr::lm
