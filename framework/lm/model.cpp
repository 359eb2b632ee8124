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

#include "lm/parallel.h"
#include "lm/random.h"
#include "lm/safetensors.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

constexpr int64_t kAlignment = 32;  // elements: 64 bytes in bf16
constexpr int64_t kFlatBlock = 1 << 14;

// Every tensor in HF's names. q, k, v and gate, up lie end to end, so that each is one product.
std::vector<ParameterSlot> lay_out(const ModelConfig& c) {
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

// Views of a flat buffer as the trunk wants them; slots in the order of lay_out.
TrunkWeights view_trunk(const at::Tensor& flat, const ModelConfig& c,
                        const std::vector<ParameterSlot>& slots) {
  const auto view = [&](size_t slot, int64_t rows) {
    const int64_t columns = slots[slot].shape[1];
    return flat.narrow(0, slots[slot].offset, rows * columns).view({rows, columns});
  };
  const auto vector = [&](size_t slot) {
    return flat.narrow(0, slots[slot].offset, slots[slot].size);
  };
  TrunkWeights trunk;
  trunk.embedding = view(0, c.vocab_size);
  size_t at = 1;
  for (int64_t i = 0; i < c.layers; ++i, at += 9) {
    trunk.layers.push_back({
        .input_norm = vector(at),
        .qkv = view(at + 1, (c.heads + 2 * c.kv_heads) * c.head_dim),
        .output = view(at + 4, c.hidden_size),
        .post_norm = vector(at + 5),
        .gate_up = view(at + 6, 2 * c.intermediate_size),
        .down = view(at + 8, c.hidden_size),
    });
  }
  trunk.final_norm = vector(at);
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
    std::fill_n(to, slot.size, 1.0f);
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

float half_to_float(uint16_t bits) {
  return static_cast<float>(c10::Half(bits, c10::Half::from_bits()));
}

void read_values(const TensorEntry& entry, float* to, const std::string& where) {
  const int64_t count = entry.elements();
  if (entry.dtype == DType::kF32) {
    std::memcpy(to, entry.data, entry.bytes);
    return;
  }
  if (entry.dtype != DType::kBF16 && entry.dtype != DType::kF16) {
    throw std::runtime_error(where + ": tensor '" + entry.name + "' has dtype " +
                             dtype_name(entry.dtype) + ", expected F32, BF16 or F16");
  }
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, entry.data + 2 * i, 2);
    if (entry.dtype == DType::kF16) {
      to[i] = half_to_float(bits);
    } else {
      const uint32_t wide = uint32_t{bits} << 16;
      std::memcpy(to + i, &wide, 4);
    }
  }
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (const int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

}  // namespace

Model::Model(const ModelConfig& config, Precision precision)
    : config_(config), precision_(precision) {
  config_.validate();
  slots_ = lay_out(config_);
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

Model Model::load(const std::filesystem::path& dir, Precision precision) {
  Model model(read_config(dir), precision);
  const SafetensorsFile file(dir / "model.safetensors");
  const std::string where = file.path().string();
  size_t used = 0;
  for (const ParameterSlot& slot : model.slots_) {
    const TensorEntry& entry = file.at(slot.name);
    if (entry.shape != slot.shape) {
      throw std::runtime_error(where + ": tensor '" + slot.name + "' has shape " +
                               shape_text(entry.shape) + ", config.json implies " +
                               shape_text(slot.shape));
    }
    read_values(entry, model.weights_.data_ptr<float>() + slot.offset, where);
    ++used;
  }
  for (const TensorEntry& entry : file.entries()) {
    const bool known = std::any_of(model.slots_.begin(), model.slots_.end(),
                                   [&](const ParameterSlot& s) { return s.name == entry.name; });
    const bool redundant = (entry.name == "lm_head.weight" && model.config_.tie_word_embeddings) ||
                           ends_with(entry.name, "rotary_emb.inv_freq");
    if (!known && !redundant) {
      throw std::runtime_error(where + ": tensor '" + entry.name +
                               "' has no place in the model config.json describes");
    }
  }
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
