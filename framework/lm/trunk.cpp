#include "lm/trunk.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstring>

#include "lm/attention.h"
#include "lm/parallel.h"
#include "lm/row_sum.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What one layer leaves for its backward. With checkpointing only x stays.
struct LayerTape {
  at::Tensor x;             // [N, C] residual stream at the layer's entry
  at::Tensor input_rstd;    // [N]
  at::Tensor input_normed;  // [N, C]
  HeadNormTape head_norm;   // where the family has one
  at::Tensor qkv;           // [N, (H+2K)*D] after rope
  AttentionOutput attention;
  at::Tensor middle;       // [N, C] residual stream after attention
  at::Tensor post_rstd;    // [N]
  at::Tensor post_normed;  // [N, C]
  at::Tensor gate_up;      // [N, 2F]
};

// The products of a layer that may have an adapter, each of up to so many parts.
enum class Product : uint64_t { kQkv, kOutput, kGateUp, kDown };
constexpr uint64_t kProducts = 4, kMostParts = 3;

struct TrunkTape : torch::CustomClassHolder {
  ModelConfig config;
  HeadShape shape;
  TrunkWeights weights;
  TrunkWeights gradients;  // empty: not recorded
  std::vector<int32_t> ids;
  PackedSegments segments;
  TrainingNoise noise;
  at::Tensor angles;  // rope table [N, D]
  bool checkpointing = false;
  std::vector<LayerTape> layers;
  at::Tensor final_x;     // [N, C]
  at::Tensor final_rstd;  // [N]

  AdapterDropout dropout(size_t layer, Product product) const {
    return {&noise, (layer * kProducts + static_cast<uint64_t>(product)) * kMostParts};
  }
};

c10::intrusive_ptr<TrunkTape> make_tape(const ModelConfig& config, const TrunkWeights& weights,
                                        const PackedBatch& batch) {
  auto tape = c10::make_intrusive<TrunkTape>();
  tape->config = config;
  tape->shape = {config.heads, config.kv_heads, config.head_dim};
  tape->weights = weights;
  tape->ids = batch.ids;
  tape->segments = PackedSegments(batch.segments);
  tape->angles = rope_table(batch.positions, config.rope_frequencies());
  return tape;
}

at::Tensor project(const ModelConfig& config, const HeadShape& shape, const LayerWeights& w,
                   const at::Tensor& normed, const at::Tensor& angles, HeadNormTape* tape,
                   const AdapterDropout& dropout) {
  at::Tensor qkv = apply(w.qkv, normed, dropout);
  if (w.q_norm.defined()) head_norm_(qkv, w.q_norm, w.k_norm, shape, config.rms_norm_eps, tape);
  rotate_(qkv, angles, shape, 1.0f);
  return qkv;
}

// x + delta enters the layer; fills `out` and returns the feed-forward output still to be added.
at::Tensor layer_forward(const TrunkTape& tape, size_t number, const at::Tensor& x,
                         const at::Tensor& delta, bool for_backward, LayerTape& out) {
  const LayerWeights& w = tape.weights.layers[number];
  const double eps = tape.config.rms_norm_eps;
  const NormOutput entry = norm_forward(x, delta, w.input_norm, eps);
  out.x = entry.sum;
  out.input_rstd = entry.rstd;
  out.input_normed = entry.normed;
  out.qkv = project(tape.config, tape.shape, w, entry.normed, tape.angles,
                    for_backward ? &out.head_norm : nullptr, tape.dropout(number, Product::kQkv));
  out.attention = attention_forward(out.qkv, tape.segments, tape.shape, for_backward);
  const at::Tensor attended =
      apply(w.output, out.attention.out, tape.dropout(number, Product::kOutput));
  const NormOutput middle = norm_forward(out.x, attended, w.post_norm, eps);
  out.middle = middle.sum;
  out.post_rstd = middle.rstd;
  out.post_normed = middle.normed;
  out.gate_up = apply(w.gate_up, middle.normed, tape.dropout(number, Product::kGateUp));
  return apply(w.down, swiglu(out.gate_up), tape.dropout(number, Product::kDown));
}

// dx enters as the gradient of the layer's output and leaves as that of its input.
void layer_backward(const TrunkTape& tape, size_t number, const LayerTape& layer, at::Tensor& dx) {
  const LayerWeights &w = tape.weights.layers[number], &g = tape.gradients.layers[number];
  const auto dropout = [&](Product product) { return tape.dropout(number, product); };
  {
    const SwigluGradient gated =
        swiglu_backward(layer.gate_up, input_gradient(w.down, dx, dropout(Product::kDown)));
    add_weight_gradient(w.down, g.down, dx, gated.y, dropout(Product::kDown));
    add_weight_gradient(w.gate_up, g.gate_up, gated.d_gate_up, layer.post_normed,
                        dropout(Product::kGateUp));
    norm_backward(input_gradient(w.gate_up, gated.d_gate_up, dropout(Product::kGateUp)),
                  layer.middle, layer.post_rstd, w.post_norm, dx, true, g.post_norm);
  }
  add_weight_gradient(w.output, g.output, dx, layer.attention.out, dropout(Product::kOutput));
  at::Tensor d_qkv = attention_backward(input_gradient(w.output, dx, dropout(Product::kOutput)),
                                        layer.qkv, layer.attention, tape.segments, tape.shape);
  rotate_(d_qkv, tape.angles, tape.shape, -1.0f);
  if (w.q_norm.defined())
    head_norm_backward_(d_qkv, layer.head_norm, w.q_norm, w.k_norm, tape.shape, g.q_norm, g.k_norm);
  add_weight_gradient(w.qkv, g.qkv, d_qkv, layer.input_normed, dropout(Product::kQkv));
  norm_backward(input_gradient(w.qkv, d_qkv, dropout(Product::kQkv)), layer.x, layer.input_rstd,
                w.input_norm, dx, true, g.input_norm);
}

at::Tensor run_forward(TrunkTape& tape, const PackedBatch& batch, bool record,
                       const KeyValueSink& sink) {
  at::Tensor x = gather_rows(tape.weights.embedding, tape.ids);
  if (record) tape.noise.add_to_embeddings(x, batch.segments);
  at::Tensor delta;
  for (size_t i = 0; i < tape.weights.layers.size(); ++i) {
    LayerTape layer;
    delta = layer_forward(tape, i, x, delta, record, layer);
    if (sink) sink(static_cast<int64_t>(i), layer.qkv);
    x = layer.middle;
    if (!record) continue;
    if (tape.checkpointing) {
      LayerTape entry;
      entry.x = layer.x;
      layer = std::move(entry);
    }
    tape.layers.push_back(std::move(layer));
  }
  const NormOutput last = norm_forward(x, delta, tape.weights.final_norm, tape.config.rms_norm_eps);
  if (record) {
    tape.final_x = last.sum;
    tape.final_rstd = last.rstd;
  }
  return last.normed;
}

void run_backward(TrunkTape& tape, const at::Tensor& d_hidden) {
  at::Tensor dx = at::empty_like(d_hidden);
  norm_backward(d_hidden, tape.final_x, tape.final_rstd, tape.weights.final_norm, dx, false,
                tape.gradients.final_norm);
  while (!tape.layers.empty()) {
    const size_t i = tape.layers.size() - 1;
    LayerTape layer = std::move(tape.layers.back());
    tape.layers.pop_back();
    if (tape.checkpointing) {
      const at::Tensor x = layer.x;
      layer_forward(tape, i, x, {}, true, layer);
    }
    layer_backward(tape, i, layer, dx);
  }
  if (tape.gradients.embedding.defined())
    accumulate_embedding_gradient(dx, tape.ids, tape.gradients.embedding);
}

struct TrunkFunction : torch::autograd::Function<TrunkFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor&,
                            const c10::intrusive_ptr<TrunkTape>& tape, const PackedBatch& batch) {
    ctx->saved_data["tape"] = c10::IValue::make_capsule(tape);
    return run_forward(*tape, batch, true, {});
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    auto& tape = static_cast<TrunkTape&>(*ctx->saved_data["tape"].toCapsule());
    TORCH_CHECK(tape.final_x.defined(), "model: backward ran twice over one forward pass");
    run_backward(tape, gradients[0].contiguous());
    tape.final_x.reset();
    return {{}, {}, {}};
  }
};

}  // namespace

at::Tensor project_qkv(const ModelConfig& config, const LayerWeights& weights,
                       const at::Tensor& normed, const at::Tensor& angles) {
  return project(config, {config.heads, config.kv_heads, config.head_dim}, weights, normed, angles,
                 nullptr, {});
}

at::Tensor trunk_hidden(const ModelConfig& config, const TrunkWeights& weights,
                        const PackedBatch& batch, const KeyValueSink& sink) {
  return run_forward(*make_tape(config, weights, batch), batch, false, sink);
}

at::Tensor trunk_hidden_recorded(const ModelConfig& config, const TrunkWeights& weights,
                                 const TrunkWeights& gradients, const PackedBatch& batch,
                                 const TrainingNoise& noise, bool checkpointing) {
  auto tape = make_tape(config, weights, batch);
  tape->gradients = gradients;
  tape->noise = noise;
  tape->checkpointing = checkpointing;
  at::Tensor anchor = at::zeros({1}, at::kFloat).requires_grad_(true);
  return TrunkFunction::apply(anchor, tape, batch);
}

}  // namespace lehr::lm
