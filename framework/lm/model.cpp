#include "lm/model.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "lm/device.h"
#include "lm/model_weights.h"
#include "lm/parallel.h"
#include "lm/random.h"
#include "lm/safetensors.h"

namespace lehr::lm {
namespace {

constexpr int64_t kFlatBlock = 1 << 14;

// What stands at a slot of the model with its adapter in it: a new tensor, or where the adapter has
// nothing, a view.
at::Tensor merged(const ParameterBuffer& base, const ParameterSlot& slot,
                  const ParameterBuffer& adapter, const LoraOptions& options) {
  const at::Tensor weight = ParameterBuffer::view(base.weights, slot);
  const auto of_adapter = [&](const std::string& name) {
    const ParameterSlot* found = adapter.find(name);
    return found != nullptr ? ParameterBuffer::view(adapter.weights, *found) : at::Tensor();
  };
  if (const at::Tensor whole = of_adapter(slot.name); whole.defined()) return whole;
  const std::string module = slot.name.substr(0, slot.name.rfind('.'));
  const at::Tensor low = of_adapter(module + ".lora_A.weight");
  if (!low.defined() || slot.shape.size() != 2) return weight;
  return at::addmm(weight, of_adapter(module + ".lora_B.weight"), low, 1, options.scale());
}

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
    layer.qkv.weight = take(3);
    if (c.qkv_bias()) layer.qkv.bias = take(3);
    if (c.qk_norm()) {
      layer.q_norm = take(1);
      layer.k_norm = take(1);
    }
    layer.output.weight = take(1);
    layer.post_norm = take(1);
    layer.gate_up.weight = take(2);
    layer.down.weight = take(1);
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

void fill_uniform(float* to, int64_t count, const Random& random, double bound) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = static_cast<float>(bound * (2 * random.uniform(static_cast<uint64_t>(i)) - 1));
}

LinearHead head_at(const ParameterBuffer& in, const ParameterSlot& place) {
  return {ParameterBuffer::view(in.compute, place),
          in.gradients.defined() ? ParameterBuffer::view(in.gradients, place) : at::Tensor()};
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

Model::Model(const ModelConfig& config, Precision precision)
    : config_(config), precision_(precision) {
  config_.validate();
  base_ = ParameterBuffer(parameter_slots(config_), precision);
  trunk_ = view_trunk(base_.compute, config_, base_.slots);
}

Model Model::create(const ModelConfig& config, uint64_t seed, Precision precision) {
  Model model(config, precision);
  size_t index = 0;
  model.fill(
      [&](const ParameterSlot& slot, float* to) { initialize(to, slot, index++, config, seed); });
  return model;
}

Model Model::blank(const ModelConfig& config, Precision precision) {
  return Model(config, precision);
}

Model Model::load(const std::filesystem::path& dir, Precision precision) {
  const ModelConfig config = read_config(dir);
  const ModelWeights weights(dir);
  weights.check_fit(config);  // before there is room for them: a config may claim any size
  Model model(config, precision);
  model.fill([&](const ParameterSlot& slot, float* to) { weights.read(slot.name, to); });
  return model;
}

Model Model::clone() const {
  Model copy(*this);
  copy.base_ = base_.copy();
  copy.trunk_ = view_trunk(copy.base_.compute, config_, copy.base_.slots);
  copy.trunk_gradients_ = {};
  if (adapter_) {
    copy.adapter_->parameters = adapter_->parameters.copy();
    attach_adapter(copy.trunk_, copy.adapter_->parameters.compute, config_, adapter_->options);
  }
  return copy;
}

Model Model::base() const {
  Model shared(*this);
  shared.adapter_.reset();
  shared.base_.gradients.reset();
  shared.trunk_ = view_trunk(base_.compute, config_, base_.slots);
  shared.trunk_gradients_ = {};
  return shared;
}

Model Model::with_score_head(uint64_t seed, int64_t heads) const {
  ModelConfig config = config_;
  config.head = HeadKind::kScore;
  config.score_heads = heads;
  return under_new_score(config, seed);
}

Model Model::with_value_head() const {
  ModelConfig config = config_;
  config.value_head = true;
  return under_new_score(config, std::nullopt);
}

Model Model::under_new_score(const ModelConfig& config, std::optional<uint64_t> seed) const {
  Model model(config, precision_);
  const at::Tensor weights = base_.host_weights();
  size_t index = 0;
  model.fill([&](const ParameterSlot& slot, float* to) {
    if (slot.name != "score.weight")
      std::copy_n(weights.data_ptr<float>() + base_.find(slot.name)->offset, slot.size, to);
    else if (seed)
      initialize(to, slot, index, config, *seed);
    ++index;
  });
  return model;
}

void Model::add_adapter(const LoraOptions& options, uint64_t seed) {
  if (trainable()) throw std::logic_error("add_adapter: the model is being trained");
  adapter_ = {options, ParameterBuffer(adapter_slots(config_, options), precision_)};
  ParameterBuffer& parameters = adapter_->parameters;
  uint64_t index = 0;
  parameters.fill([&](const ParameterSlot& slot, float* to) {
    if (slot.name == "score.weight")
      std::copy_n(on_host(parameter(slot.name)).data_ptr<float>(), slot.size, to);
    else if (ends_with(slot.name, "lora_A.weight"))
      fill_uniform(to, slot.size, Random(seed, Purpose::kAdapter, index),
                   1.0 / std::sqrt(static_cast<double>(slot.shape[1])));
    ++index;
  });
  attach_adapter(trunk_, parameters.compute, config_, options);
}

void Model::merge_adapter() {
  if (!adapter_) return;
  for (const ParameterSlot& slot : slots())
    parameter(slot.name).copy_(merged(base_, slot, adapter_->parameters, adapter_->options));
  const bool trained = trainable();
  adapter_.reset();
  base_.refresh_compute_copy();
  trunk_ = view_trunk(base_.compute, config_, base_.slots);
  trunk_gradients_ = {};
  if (trained) make_trainable();
}

void Model::save(const std::filesystem::path& dir) const {
  std::filesystem::create_directories(dir);
  write_config(config_, dir);
  std::vector<TensorEntry> entries;
  for (const ParameterSlot& slot : slots()) {
    if (config_.value_head && slot.name == "score.weight") continue;
    const at::Tensor weight = ParameterBuffer::stored(base_.weights, slot);
    entries.push_back({slot.name, DType::kF32, weight.sizes().vec(), nullptr, weight.nbytes()});
  }
  // One weight at a time is made: with an adapter the model need not fit into the memory twice.
  write_safetensors(
      dir / "model.safetensors", entries, {}, [&](const TensorEntry& entry, const auto& write) {
        ParameterSlot slot = *base_.find(entry.name);
        at::Tensor weight = adapter_ ? merged(base_, slot, adapter_->parameters, adapter_->options)
                                     : ParameterBuffer::view(base_.weights, slot);
        slot.offset = 0;
        weight = ParameterBuffer::stored(on_host(weight).flatten(), slot);
        write(reinterpret_cast<const std::byte*>(weight.const_data_ptr<float>()), weight.nbytes());
      });
}

HeadShape Model::head_shape() const { return {config_.heads, config_.kv_heads, config_.head_dim}; }

void Model::make_trainable() {
  if (trainable()) return;
  ParameterBuffer& trained = this->trained();
  trained.gradients = at::zeros_like(trained.weights);
  if (!adapter_) {
    trunk_gradients_ = view_trunk(base_.gradients, config_, base_.slots);
    return;
  }
  trunk_gradients_ = {};
  trunk_gradients_.layers.resize(trunk_.layers.size());
  attach_adapter(trunk_gradients_, trained.gradients, config_, adapter_->options);
}

void Model::begin_update(int64_t update) {
  noise_.update = static_cast<uint64_t>(update);
  noise_.pass = 0;
}

at::Tensor Model::forward_hidden(const PackedBatch& batch) const {
  check_batch(batch, config_.vocab_size, config_.max_position_embeddings);
  if (!trainable() || !at::GradMode::is_enabled()) return trunk_hidden(config_, trunk_, batch, {});
  const at::Tensor hidden =
      trunk_hidden_recorded(config_, trunk_, trunk_gradients_, batch, noise_, checkpointing_);
  ++noise_.pass;
  return hidden;
}

at::Tensor Model::forward_hidden(const PackedBatch& batch, const KeyValueSink& sink) const {
  check_batch(batch, config_.vocab_size, config_.max_position_embeddings);
  const at::NoGradGuard no_grad;
  return trunk_hidden(config_, trunk_, batch, sink);
}

at::Tensor Model::logits(const at::Tensor& hidden_rows) const {
  const at::NoGradGuard no_grad;
  return product(hidden_rows, head().weight).to(at::kFloat);
}

LinearHead Model::head() const {
  if (config_.head == HeadKind::kScore) {
    if (config_.score_heads > 1) throw std::logic_error("the model has several score heads");
    return score_head();
  }
  const auto& slots = base_.slots;
  return head_at(base_, config_.tie_word_embeddings ? slots.front()
                                                    : slots[slots.size() - 1 - config_.value_head]);
}

LinearHead Model::score_head(int64_t number) const {
  if (!config_.has_score_weight()) throw std::logic_error("the model has no score.weight");
  const ParameterBuffer& from = trained();  // an adapter trains it whole
  const LinearHead all = head_at(from, from.slots.back());
  return {all.weight.narrow(0, number, 1),
          all.gradient.defined() ? all.gradient.narrow(0, number, 1) : at::Tensor()};
}

void Model::backward(const at::Tensor& loss) const { loss.backward(); }

void Model::zero_gradients() {
  if (trainable()) trained().gradients.zero_();
}

void Model::refresh_compute_copy() {
  base_.refresh_compute_copy();
  if (adapter_) adapter_->parameters.refresh_compute_copy();
}

at::Tensor Model::parameter(const std::string& name) const {
  for (const ParameterBuffer* buffer : {&base_, &trained()})
    if (const ParameterSlot* slot = buffer->find(name))
      return ParameterBuffer::view(buffer->weights, *slot);
  throw std::out_of_range("the model has no parameter '" + name + "'");
}

at::Tensor Model::gradient(const std::string& name) const {
  if (!trainable()) throw std::logic_error("the model is not trainable: it has no gradients");
  if (const ParameterSlot* slot = trained().find(name))
    return ParameterBuffer::view(trained().gradients, *slot);
  throw std::out_of_range("the model trains no parameter '" + name + "'");
}

}  // namespace lehr::lm
