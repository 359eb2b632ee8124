#include "lm/model.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "lm/model_weights.h"
#include "lm/parallel.h"
#include "lm/random.h"
#include "lm/safetensors.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

constexpr int64_t kAlignment = 32;  // elements: 64 bytes in bf16
constexpr int64_t kFlatBlock = 1 << 14;

// Views of a flat buffer as the trunk wants them; slots as parameter_slots gives them.
TrunkWeights view_trunk(const at::Tensor& flat, const ModelConfig& c,
                        const std::vector<ParameterSlot>& slots) {
  size_t next = 0;
  // The next `count` slots, which lie end to end, as one [rows, columns] or [rows].
  const auto take = [&](size_t count) {
    const ParameterSlot& first = slots[next];
    int64_t size = 0;
    for (size_t i = 0; i < count; ++i) size += slots[next++].size;
    const at::Tensor part = flat.narrow(0, first.offset, size);
    return first.shape.size() == 2 ? part.view({size / first.shape[1], first.shape[1]}) : part;
  };
  TrunkWeights trunk;
  trunk.embedding = take(1);
  for (int64_t i = 0; i < c.layers; ++i) {
    LayerWeights layer;
    layer.input_norm = take(1);
    layer.qkv = take(3);
    if (c.qkv_bias()) layer.qkv_bias = take(3);
    if (c.qk_norm()) {
      layer.q_norm = take(1);
      layer.k_norm = take(1);
    }
    layer.output = take(1);
    layer.post_norm = take(1);
    layer.gate_up = take(2);
    layer.down = take(1);
    trunk.layers.push_back(std::move(layer));
  }
  trunk.final_norm = take(1);
  return trunk;
}

void fill_normal(float* to, int64_t count, const Random& random, double deviation) {
  parallel_blocks(count, kFlatBlock, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      to[i] = static_cast<float>(deviation * random.normal(static_cast<uint64_t>(i)));
    }
  });
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void initialize(float* to, const ParameterSlot& slot, size_t index, const ModelConfig& c,
                uint64_t seed) {
  if (slot.shape.size() == 1) {
    std::fill_n(to, slot.size, ends_with(slot.name, ".bias") ? 0.0f : 1.0f);
    return;
  }
  double deviation = c.initializer_range;
  if (ends_with(slot.name, "o_proj.weight") || ends_with(slot.name, "down_proj.weight")) {
    deviation /= std::sqrt(2.0 * static_cast<double>(c.layers));
  }
  if (slot.name == "score.weight") {
    deviation = 1.0 / std::sqrt(static_cast<double>(c.hidden_size) + 1.0);
  }
  fill_normal(to, slot.size, Random(seed, Purpose::kInit, index), deviation);
}

}  // namespace

// Every tensor in HF's names. q, k, v and gate, up lie end to end, so that each is one product.
std::vector<ParameterSlot> parameter_slots(const ModelConfig& c) {
  std::vector<ParameterSlot> slots;
  int64_t offset = 0;
  const auto align = [&] { offset = (offset + kAlignment - 1) / kAlignment * kAlignment; };
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    int64_t size = 1;
    for (const int64_t side : shape) size *= side;
    const bool decay = shape.size() == 2;
    slots.push_back({name, std::move(shape), offset, size, decay});
    offset += size;
  };
  const int64_t channels = c.hidden_size;
  const int64_t query = c.heads * c.head_dim;
  const int64_t key = c.kv_heads * c.head_dim;
  add("model.embed_tokens.weight", {c.vocab_size, channels});
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    align();
    add(layer + "input_layernorm.weight", {channels});
    align();
    add(layer + "self_attn.q_proj.weight", {query, channels});
    add(layer + "self_attn.k_proj.weight", {key, channels});
    add(layer + "self_attn.v_proj.weight", {key, channels});
    align();
    if (c.qkv_bias()) {
      add(layer + "self_attn.q_proj.bias", {query});
      add(layer + "self_attn.k_proj.bias", {key});
      add(layer + "self_attn.v_proj.bias", {key});
      align();
    }
    if (c.qk_norm()) {
      add(layer + "self_attn.q_norm.weight", {c.head_dim});
      align();
      add(layer + "self_attn.k_norm.weight", {c.head_dim});
      align();
    }
    add(layer + "self_attn.o_proj.weight", {channels, query});
    align();
    add(layer + "post_attention_layernorm.weight", {channels});
    align();
    add(layer + "mlp.gate_proj.weight", {c.intermediate_size, channels});
    add(layer + "mlp.up_proj.weight", {c.intermediate_size, channels});
    align();
    add(layer + "mlp.down_proj.weight", {channels, c.intermediate_size});
  }
  align();
  add("model.norm.weight", {channels});
  align();
  if (c.head == HeadKind::kScore) {
    add("score.weight", {1, channels});
  } else if (!c.tie_word_embeddings) {
    add("lm_head.weight", {c.vocab_size, channels});
  }
  return slots;
}

Model::Model(const ModelConfig& config, Precision precision)
    : config_(config), precision_(precision) {
  config_.validate();
  slots_ = parameter_slots(config_);
  const int64_t elements =
      (slots_.back().offset + slots_.back().size + kAlignment - 1) / kAlignment * kAlignment;
  weights_ = at::zeros({elements}, at::kFloat);
  compute_ = precision == Precision::kBf16 ? at::zeros({elements}, at::kBFloat16) : weights_;
  trunk_ = view_trunk(compute_, config_, slots_);
}

Model Model::create(const ModelConfig& config, uint64_t seed, Precision precision) {
  Model model(config, precision);
  for (size_t i = 0; i < model.slots_.size(); ++i) {
    const ParameterSlot& slot = model.slots_[i];
    initialize(model.weights_.data_ptr<float>() + slot.offset, slot, i, config, seed);
  }
  model.refresh_compute_copy();
  return model;
}

Model Model::blank(const ModelConfig& config, Precision precision) {
  return Model(config, precision);
}

Model Model::load(const std::filesystem::path& dir, Precision precision) {
  Model model(read_config(dir), precision);
  const ModelWeights weights(dir);
  weights.check_fit(model.config_);
  for (const ParameterSlot& slot : model.slots_)
    to_float(weights.at(slot.name), model.weights_.data_ptr<float>() + slot.offset);
  model.refresh_compute_copy();
  return model;
}

Model Model::clone() const {
  Model copy(config_, precision_);
  copy.weights_.copy_(weights_);
  copy.refresh_compute_copy();
  return copy;
}

Model Model::with_score_head(uint64_t seed) const {
  ModelConfig config = config_;
  config.head = HeadKind::kScore;
  Model model(config, precision_);
  for (size_t i = 0; i < model.slots_.size(); ++i) {
    const ParameterSlot& slot = model.slots_[i];
    float* to = model.weights_.data_ptr<float>() + slot.offset;
    if (slot.name == "score.weight") {
      initialize(to, slot, i, config, seed);
    } else {
      std::memcpy(to, parameter(slot.name).data_ptr<float>(),
                  static_cast<size_t>(slot.size) * sizeof(float));
    }
  }
  model.refresh_compute_copy();
  return model;
}

void Model::save(const std::filesystem::path& dir) const {
  std::filesystem::create_directories(dir);
  write_config(config_, dir);
  std::vector<TensorEntry> entries;
  for (const ParameterSlot& slot : slots_) {
    const float* data = weights_.data_ptr<float>() + slot.offset;
    entries.push_back({slot.name, DType::kF32, slot.shape, reinterpret_cast<const std::byte*>(data),
                       static_cast<size_t>(slot.size) * sizeof(float)});
  }
  write_safetensors(dir / "model.safetensors", entries);
}

HeadShape Model::head_shape() const { return {config_.heads, config_.kv_heads, config_.head_dim}; }

void Model::make_trainable() {
  if (trainable()) return;
  gradients_ = at::zeros(weights_.sizes(), at::kFloat);
  trunk_gradients_ = view_trunk(gradients_, config_, slots_);
}

at::Tensor Model::forward_hidden(const PackedBatch& batch) const {
  check_batch(batch, config_.vocab_size, config_.max_position_embeddings);
  if (!trainable() || !at::GradMode::is_enabled()) return trunk_hidden(config_, trunk_, batch, {});
  return trunk_hidden_recorded(config_, trunk_, trunk_gradients_, batch, checkpointing_);
}

at::Tensor Model::forward_hidden(const PackedBatch& batch, const KeyValueSink& sink) const {
  check_batch(batch, config_.vocab_size, config_.max_position_embeddings);
  const at::NoGradGuard no_grad;
  return trunk_hidden(config_, trunk_, batch, sink);
}

at::Tensor Model::logits(const at::Tensor& hidden_rows) const {
  const at::NoGradGuard no_grad;
  return at::mm(hidden_rows, head().weight.t()).to(at::kFloat);
}

LinearHead Model::head() const {
  const bool tied = config_.head == HeadKind::kLanguage && config_.tie_word_embeddings;
  const ParameterSlot& place = tied ? slots_.front() : slots_.back();
  const auto view = [&](const at::Tensor& flat) {
    return flat.defined() ? flat.narrow(0, place.offset, place.size).view(place.shape)
                          : at::Tensor();
  };
  return {view(compute_), view(gradients_)};
}

void Model::backward(const at::Tensor& loss) const { loss.backward(); }

void Model::zero_gradients() {
  if (trainable()) gradients_.zero_();
}

void Model::refresh_compute_copy() {
  if (precision_ == Precision::kFp32) return;
  const Kernels& k = kernels_for(compute_);
  const float* from = weights_.data_ptr<float>();
  char* to = static_cast<char*>(compute_.data_ptr());
  parallel_blocks(weights_.numel(), kFlatBlock, [&](int64_t begin, int64_t end) {
    k.store_scaled(from + begin, 1.0f, to + begin * compute_.element_size(), end - begin);
  });
}

const ParameterSlot& Model::slot(const std::string& name) const {
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const ParameterSlot& s) { return s.name == name; });
  if (found == slots_.end()) throw std::out_of_range("the model has no parameter '" + name + "'");
  return *found;
}

at::Tensor Model::parameter(const std::string& name) const {
  const ParameterSlot& place = slot(name);
  return weights_.narrow(0, place.offset, place.size).view(place.shape);
}

at::Tensor Model::gradient(const std::string& name) const {
  if (!trainable()) throw std::logic_error("the model is not trainable: it has no gradients");
  const ParameterSlot& place = slot(name);
  return gradients_.narrow(0, place.offset, place.size).view(place.shape);
}

}  // namespace lehr::lm
