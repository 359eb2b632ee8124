// A model whose parameters lie in flat buffers (parameters.h), with a low-rank adapter beside them
// where one is trained (lora.h). Backward adds into the gradient buffer, so micro-batches
// accumulate; autograd carries only the hidden states. Not for use from several threads at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lm/batch.h"
#include "lm/config.h"
#include "lm/lora.h"
#include "lm/operators.h"
#include "lm/parameters.h"
#include "lm/runtime.h"
#include "lm/training_noise.h"
#include "lm/trunk.h"

namespace lehr::lm {

class Model {
 public:
  // Normal(0, initializer_range); o_proj and down_proj scaled by 1/sqrt(2 * layers); norms 1,
  // biases 0; score head Normal(0, 1/sqrt(C+1)). The same seed gives the same model everywhere.
  static Model create(const ModelConfig& config, uint64_t seed,
                      Precision precision = default_precision());
  // All weights 0, for the caller to fill().
  static Model blank(const ModelConfig& config, Precision precision = default_precision());
  // config.json and the weights of `dir` (model_weights.h), of float32, bf16 or f16. Throws
  // std::runtime_error naming the tensor at fault.
  static Model load(const std::filesystem::path& dir, Precision precision = default_precision());

  Model(Model&&) = default;
  Model& operator=(Model&&) = default;

  // An independent copy of the weights, without gradients: the frozen reference, a snapshot.
  Model clone() const;
  // Shares the weights, without the adapter: the frozen reference of a model that trains one.
  Model base() const;
  // The trunk under a new score head (LlamaForSequenceClassification): reward and value models; or
  // under several, each drawn by itself, to be trained as an ensemble.
  Model with_score_head(uint64_t seed, int64_t heads = 1) const;
  // Beside the language head a value head, all 0: a policy that is its own critic.
  Model with_value_head() const;

  // From now on the weights are frozen and what is trained is an adapter beside them (and a score
  // or value head whole): A uniform in +-1/sqrt(in), B zero, so nothing has changed yet. Before
  // make_trainable().
  void add_adapter(const LoraOptions& options, uint64_t seed);
  bool has_adapter() const { return adapter_.has_value(); }
  const LoraOptions& adapter_options() const { return adapter_->options; }
  // Adds the adapter to the weights and drops it.
  void merge_adapter();

  // Writes config.json and model.safetensors (float32) with the adapter merged, without a value
  // head and with the mean of several score heads. Tokenizer files are the caller's.
  void save(const std::filesystem::path& dir) const;

  const ModelConfig& config() const { return config_; }
  Precision precision() const { return precision_; }
  HeadShape head_shape() const;

  // Allocates the gradient buffer (zero); from now on forward_hidden records for backward where
  // grad mode is on. A model that was not made trainable never records.
  void make_trainable();
  bool trainable() const { return trained().gradients.defined(); }
  // What is trained: the weights, or the adapter where there is one.
  ParameterBuffer& trained() { return adapter_ ? adapter_->parameters : base_; }
  const ParameterBuffer& trained() const { return adapter_ ? adapter_->parameters : base_; }
  // Keep only layer inputs and recompute the rest in backward: less memory, about a third more
  // work.
  void set_activation_checkpointing(bool on) { checkpointing_ = on; }
  // What recorded passes draw at random from now on; all others draw nothing.
  void set_noise(const TrainingNoise& noise) { noise_ = noise; }
  // The recorded passes that follow are the first, second ... of this update: what they draw hangs
  // on that alone.
  void begin_update(int64_t update);

  // batch -> hidden states after the final norm: [N, C] compute dtype.
  at::Tensor forward_hidden(const PackedBatch& batch) const;
  // As above without recording; `sink` may fill a key/value cache.
  at::Tensor forward_hidden(const PackedBatch& batch, const KeyValueSink& sink) const;

  // hidden rows [M, C] -> logits [M, V] float32, no gradient.
  at::Tensor logits(const at::Tensor& hidden_rows) const;
  // The language head ([V, C], tied or not) or the score head ([1, C]), of which there is one.
  LinearHead head() const;
  // The score head, one of several, or the value head beside a language head ([1, C]).
  LinearHead score_head(int64_t number = 0) const;

  // Runs autograd from `loss` (scalar) and adds into gradients().
  void backward(const at::Tensor& loss) const;
  void zero_gradients();

  // See ParameterBuffer::fill; of the weights without an adapter.
  void fill(const std::function<void(const ParameterSlot& slot, float* to)>& fill) {
    base_.fill(fill);
  }
  // The weights without an adapter. After writing to them call refresh_compute_copy().
  const at::Tensor& weights() const { return base_.weights; }
  const at::Tensor& compute_weights() const { return base_.compute; }
  const std::vector<ParameterSlot>& slots() const { return base_.slots; }
  const at::Tensor& gradients() const { return trained().gradients; }
  void refresh_compute_copy();

  at::Tensor parameter(const std::string& name) const;  // float32 master view; throws when absent
  at::Tensor gradient(const std::string& name) const;   // float32 view; throws when absent

  // For decoding loops of one's own.
  const LayerWeights& layer(int64_t index) const {
    return trunk_.layers[static_cast<size_t>(index)];
  }
  const at::Tensor& embedding() const { return trunk_.embedding; }    // [V, C] compute dtype
  const at::Tensor& final_norm() const { return trunk_.final_norm; }  // [C]

 private:
  struct Adapter {
    LoraOptions options;
    ParameterBuffer parameters;
  };

  Model(const ModelConfig& config, Precision precision);
  Model(const Model&) = default;  // shares everything: for clone() and base()
  // The weights but for score.weight, which is drawn, or 0 without a seed.
  Model under_new_score(const ModelConfig& config, std::optional<uint64_t> seed) const;

  ModelConfig config_;
  Precision precision_;
  bool checkpointing_ = false;
  mutable TrainingNoise noise_;  // its pass is counted
  ParameterBuffer base_;
  std::optional<Adapter> adapter_;
  TrunkWeights trunk_;            // views of the compute copies
  TrunkWeights trunk_gradients_;  // views of the gradients; empty when not trainable
};

}  // namespace lehr::lm
