// The slow, obvious reference of tests and of `lehr selftest`: a forward pass in float64 with ATen
// operators and autograd on the CPU, one dense attention mask for the whole batch.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "lm/device.h"
#include "lm/model.h"

namespace lehr::lm {

struct ReferenceModel {
  ModelConfig config;
  std::map<std::string, at::Tensor> weights;  // float64 leaves

  explicit ReferenceModel(const Model& model) : config(model.config()) {
    for (const ParameterSlot& slot : model.slots()) {
      weights[slot.name] =
          on_host(model.parameter(slot.name)).to(at::kDouble).clone().requires_grad_(true);
    }
  }

  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    const at::Tensor scale = (x.pow(2).mean(-1, true) + config.rms_norm_eps).rsqrt();
    return x * scale * weights.at(name);
  }

  // x: [N, heads * D], rotated half by half
  at::Tensor rotate(const at::Tensor& x, int64_t heads, const at::Tensor& positions) const {
    const int64_t d = config.head_dim;
    const at::Tensor exponent = at::arange(0, d, 2, at::kDouble) / static_cast<double>(d);
    at::Tensor frequency = at::pow(config.rope_theta, exponent.neg());
    if (config.rope_scaling) {  // transformers' _compute_llama3_parameters
      const RopeScaling& s = *config.rope_scaling;
      const auto length = static_cast<double>(s.original_max_position_embeddings);
      const at::Tensor wavelength = 2 * M_PI / frequency;
      const at::Tensor slow = wavelength > length / s.low_freq_factor;
      const at::Tensor fast = wavelength < length / s.high_freq_factor;
      const at::Tensor smooth =
          (length / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      const at::Tensor blended = (1 - smooth) * frequency / s.factor + smooth * frequency;
      frequency = at::where(slow, frequency / s.factor, at::where(fast, frequency, blended));
    }
    const at::Tensor angle = positions.unsqueeze(1) * frequency.unsqueeze(0);  // [N, D/2]
    const at::Tensor cosine = at::cat({angle.cos(), angle.cos()}, 1).unsqueeze(1);
    const at::Tensor sine = at::cat({angle.sin(), angle.sin()}, 1).unsqueeze(1);
    const at::Tensor heads_of_x = x.view({x.size(0), heads, d});
    const at::Tensor turned =
        at::cat({heads_of_x.narrow(2, d / 2, d / 2).neg(), heads_of_x.narrow(2, 0, d / 2)}, 2);
    return heads_of_x * cosine + turned * sine;  // [N, heads, D]
  }

  static at::Tensor allowed(const PackedBatch& batch) {
    at::Tensor mask = at::zeros({batch.size(), batch.size()}, at::kBool);
    auto access = mask.accessor<bool, 2>();
    for (const Segment& s : batch.segments) {
      for (int32_t q = s.begin; q < s.end; ++q) {
        for (int32_t k = s.prefix_begin; k < s.prefix_end; ++k) access[q][k] = true;
        for (int32_t k = s.begin; k <= q; ++k) access[q][k] = true;
      }
    }
    return mask;
  }

  at::Tensor hidden(const PackedBatch& batch) const {
    const at::Tensor ids = at::tensor(batch.ids).to(at::kLong);
    const at::Tensor positions = at::tensor(batch.positions).to(at::kDouble);
    const at::Tensor blocked = allowed(batch).logical_not();
    const int64_t n = batch.size(), h = config.heads, kv = config.kv_heads, d = config.head_dim;
    at::Tensor x = weights.at("model.embed_tokens.weight").index_select(0, ids);
    for (int64_t i = 0; i < config.layers; ++i) {
      const std::string layer = "model.layers." + std::to_string(i) + ".";
      const auto project = [&](const at::Tensor& input, const std::string& name) {
        return at::matmul(input, weights.at(layer + name).t());
      };
      const at::Tensor normed = norm(x, layer + "input_layernorm.weight");
      const auto attend = [&](const std::string& part) {
        at::Tensor y = project(normed, "self_attn." + part + "_proj.weight");
        if (config.qkv_bias()) y = y + weights.at(layer + "self_attn." + part + "_proj.bias");
        if (!config.qk_norm() || part == "v") return y;
        return norm(y.view({n, -1, d}), layer + "self_attn." + part + "_norm.weight")
            .reshape({n, -1});
      };
      const at::Tensor q = rotate(attend("q"), h, positions);
      const at::Tensor k = rotate(attend("k"), kv, positions).repeat_interleave(h / kv, 1);
      const at::Tensor v = attend("v").view({n, kv, d}).repeat_interleave(h / kv, 1);
      const at::Tensor scores =
          at::einsum("qhd,khd->hqk", {q, k}) / std::sqrt(static_cast<double>(d));
      const at::Tensor p = at::softmax(scores.masked_fill(blocked.unsqueeze(0), -INFINITY), -1);
      const at::Tensor seen = at::einsum("hqk,khd->qhd", {p, v}).reshape({n, h * d});
      x = x + project(seen, "self_attn.o_proj.weight");
      const at::Tensor middle = norm(x, layer + "post_attention_layernorm.weight");
      const at::Tensor gate = at::silu(project(middle, "mlp.gate_proj.weight"));
      const at::Tensor fed = gate * project(middle, "mlp.up_proj.weight");
      x = x + project(fed, "mlp.down_proj.weight");
    }
    return norm(x, "model.norm.weight");
  }

  at::Tensor head_weight() const {
    if (config.head == HeadKind::kScore) return weights.at("score.weight");
    return weights.at(config.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight");
  }

  // [M, V] log-probabilities at the batch's loss entries
  at::Tensor log_softmax(const at::Tensor& hidden_states, const PackedBatch& batch,
                         double temperature = 1.0) const {
    std::vector<int64_t> rows;
    for (const LossEntry& entry : batch.loss_entries) rows.push_back(entry.row);
    const at::Tensor used = hidden_states.index_select(0, at::tensor(rows));
    return at::log_softmax(at::matmul(used, head_weight().t()) / temperature, -1);
  }

  static at::Tensor pick_targets(const at::Tensor& log_probabilities, const PackedBatch& batch) {
    std::vector<int64_t> targets;
    for (const LossEntry& entry : batch.loss_entries) targets.push_back(entry.target);
    return log_probabilities.gather(1, at::tensor(targets).unsqueeze(1)).squeeze(1);
  }
};

// |a - b| relative to the larger norm of the two.
inline double relative_error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble).flatten(), y = b.to(at::kDouble).flatten();
  const double scale = std::max(x.norm().item<double>(), y.norm().item<double>());
  return (x - y).norm().item<double>() / std::max(scale, 1e-12);
}

}  // namespace lehr::lm
