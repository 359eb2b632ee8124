#include "lm/parameters.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "lm/device.h"
#include "lm/parallel.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

constexpr int64_t kAlignment = 32;  // elements: 64 bytes in bf16
constexpr int64_t kFlatBlock = 1 << 14;

}  // namespace

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
  if (c.head == HeadKind::kLanguage && !c.tie_word_embeddings) {
    add("lm_head.weight", {c.vocab_size, channels});
    align();
  }
  if (c.has_score_weight()) add("score.weight", {c.score_heads, channels});
  return slots;
}

ParameterBuffer::ParameterBuffer(std::vector<ParameterSlot> its_slots, Precision precision)
    : slots(std::move(its_slots)) {
  const int64_t end = slots.back().offset + slots.back().size;
  const int64_t elements = (end + kAlignment - 1) / kAlignment * kAlignment;
  const auto zeros = [&](at::ScalarType type) {
    return at::zeros({elements}, at::TensorOptions(device()).dtype(type));
  };
  weights = zeros(at::kFloat);
  compute = precision == Precision::kBf16 ? zeros(at::kBFloat16) : weights;
}

ParameterBuffer ParameterBuffer::copy() const {
  ParameterBuffer out;
  out.slots = slots;
  out.weights = weights.clone();
  out.compute = is_split() ? compute.clone() : out.weights;
  return out;
}

void ParameterBuffer::refresh_compute_copy() {
  if (!is_split()) return;
  if (through_aten(compute)) {
    compute.copy_(weights);
    return;
  }
  const Kernels& k = kernels_for(compute);
  const float* from = weights.data_ptr<float>();
  char* to = static_cast<char*>(compute.data_ptr());
  parallel_blocks(weights.numel(), kFlatBlock, [&](int64_t begin, int64_t end) {
    k.store_scaled(from + begin, 1.0f, to + begin * compute.element_size(), end - begin);
  });
}

at::Tensor ParameterBuffer::host_weights() const { return on_host(weights); }

void ParameterBuffer::fill(const std::function<void(const ParameterSlot&, float*)>& fill) {
  const at::Tensor host = host_weights();
  for (const ParameterSlot& slot : slots) fill(slot, host.data_ptr<float>() + slot.offset);
  weights.copy_(host);
  refresh_compute_copy();
}

const ParameterSlot* ParameterBuffer::find(const std::string& name) const {
  const auto found = std::find_if(slots.begin(), slots.end(),
                                  [&](const ParameterSlot& s) { return s.name == name; });
  return found == slots.end() ? nullptr : &*found;
}

at::Tensor ParameterBuffer::view(const at::Tensor& flat, const ParameterSlot& slot) {
  return flat.narrow(0, slot.offset, slot.size).view(slot.shape);
}

at::Tensor ParameterBuffer::stored(const at::Tensor& flat, const ParameterSlot& slot) {
  const at::Tensor weight = view(flat, slot);
  return slot.name == "score.weight" && weight.size(0) > 1 ? weight.mean(0, true) : weight;
}

TensorEntry tensor_entry(std::string name, const at::Tensor& weight) {
  return {std::move(name), DType::kF32, weight.sizes().vec(),
          reinterpret_cast<const std::byte*>(weight.const_data_ptr<float>()), weight.nbytes()};
}

}  // namespace lehr::lm
