#include "lm/aten_operators.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/_fused_rms_norm_backward.h>
#include <ATen/ops/_log_softmax.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/embedding_dense_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/sin.h>

#include "lm/device.h"

namespace lehr::lm::aten {
namespace {

// x: [..., W] -> y of x's dtype and 1 / rms [..., 1] float32.
std::tuple<at::Tensor, at::Tensor> normed(const at::Tensor& x, const at::Tensor& weight,
                                          double eps) {
  return at::_fused_rms_norm(x, {x.size(-1)}, weight, eps);
}

struct NormGradient {
  at::Tensor dx;        // of x's dtype or float32
  at::Tensor d_weight;  // [W]
};
// With n = x * rstd and g = dy * w: dx = rstd * (g - n * mean(g * n)), dw = sum dy * n.
NormGradient norm_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd,
                           const at::Tensor& weight) {
  if (x.is_cuda()) {
    const auto [dx, d_weight] =
        at::_fused_rms_norm_backward(dy.contiguous(), x, {x.size(-1)}, rstd, weight, {true, true});
    return {dx, d_weight};
  }
  const at::Tensor n = x * rstd;  // float32, as all that follows
  const at::Tensor g = dy.to(at::kFloat) * weight;
  const at::Tensor dx = (g - n * (g * n).mean(-1, true)) * rstd;
  return {dx, (dy * n).flatten(0, -2).sum(0)};
}

void add(const at::Tensor& gradient, const at::Tensor& more) {
  if (gradient.defined()) gradient.add_(more);
}

// The heads [first, first + count) of rows of such heads: [N, count, D], a view.
at::Tensor heads(const at::Tensor& rows, int64_t first, int64_t count, int64_t d) {
  return rows.narrow(1, first * d, count * d).unflatten(1, {count, d});
}

}  // namespace

NormOutput norm_forward(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                        double eps) {
  NormOutput out;
  out.sum = delta.defined() ? x + delta : x;
  std::tie(out.normed, out.rstd) = normed(out.sum, weight, eps);
  return out;
}

void norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd,
                   const at::Tensor& weight, at::Tensor& dx, bool accumulate,
                   const at::Tensor& d_weight) {
  const NormGradient gradient = norm_gradient(dy, x, rstd, weight);
  if (accumulate)
    dx.add_(gradient.dx);
  else
    dx.copy_(gradient.dx);
  add(d_weight, gradient.d_weight);
}

void head_norm_(at::Tensor& qkv, const at::Tensor& q_weight, const at::Tensor& k_weight,
                const HeadShape& shape, double eps, HeadNormTape* tape) {
  const int64_t d = shape.head_dim, all = shape.heads + shape.kv_heads;
  const at::Tensor qk = qkv.narrow(1, 0, all * d).clone(at::MemoryFormat::Contiguous);
  const auto [q, q_rstd] = normed(heads(qk, 0, shape.heads, d), q_weight, eps);
  const auto [k, k_rstd] = normed(heads(qk, shape.heads, shape.kv_heads, d), k_weight, eps);
  heads(qkv, 0, shape.heads, d).copy_(q);
  heads(qkv, shape.heads, shape.kv_heads, d).copy_(k);
  if (tape == nullptr) return;
  tape->qk = qk;
  tape->rstd = at::cat({q_rstd.squeeze(-1), k_rstd.squeeze(-1)}, 1);
}

void head_norm_backward_(at::Tensor& d_qkv, const HeadNormTape& tape, const at::Tensor& q_weight,
                         const at::Tensor& k_weight, const HeadShape& shape,
                         const at::Tensor& d_q_weight, const at::Tensor& d_k_weight) {
  const int64_t d = shape.head_dim;
  const auto undo = [&](int64_t first, int64_t count, const at::Tensor& weight,
                        const at::Tensor& d_weight) {
    at::Tensor gradient = heads(d_qkv, first, count, d);
    const NormGradient found =
        norm_gradient(gradient, heads(tape.qk, first, count, d).contiguous(),
                      tape.rstd.narrow(1, first, count).unsqueeze(-1).contiguous(), weight);
    gradient.copy_(found.dx);
    add(d_weight, found.d_weight);
  };
  undo(0, shape.heads, q_weight, d_q_weight);
  undo(shape.heads, shape.kv_heads, k_weight, d_k_weight);
}

void rotate_(at::Tensor& qkv, const at::Tensor& cosines_sines, const HeadShape& shape, float sign) {
  const int64_t d = shape.head_dim;
  const at::Tensor rotated = heads(qkv, 0, shape.heads + shape.kv_heads, d);
  const at::Tensor low = rotated.narrow(2, 0, d / 2), high = rotated.narrow(2, d / 2, d / 2);
  const at::Tensor cosine = cosines_sines.narrow(1, 0, d / 2).unsqueeze(1);
  const at::Tensor sine = cosines_sines.narrow(1, d / 2, d / 2).unsqueeze(1);
  // Products with the table are float32; both come before either half is written.
  const at::Tensor turned_low = (low * cosine).sub_(high * sine, sign);
  const at::Tensor turned_high = (high * cosine).add_(low * sine, sign);
  low.copy_(turned_low);
  high.copy_(turned_high);
}

at::Tensor rope_table(const at::Tensor& positions, const at::Tensor& frequencies) {
  const at::Tensor angles = at::outer(positions.to(at::kFloat), frequencies);
  return at::cat({angles.cos(), angles.sin()}, 1);
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  const int64_t width = gate_up.size(1) / 2;
  return at::silu(gate_up.narrow(1, 0, width)).mul_(gate_up.narrow(1, width, width));
}

SwigluGradient swiglu_backward(const at::Tensor& gate_up, const at::Tensor& dy) {
  const int64_t width = gate_up.size(1) / 2;
  const at::Tensor gate = gate_up.narrow(1, 0, width), up = gate_up.narrow(1, width, width);
  const at::Tensor silu = at::silu(gate);
  return {at::cat({at::silu_backward(dy * up, gate), dy * silu}, 1), silu * up};
}

void accumulate_weight_gradient(const at::Tensor& dy, const at::Tensor& x, at::Tensor gradient) {
  gradient.add_(at::mm(dy.t(), x));
}

void accumulate_embedding_gradient(const at::Tensor& dx, std::span<const int32_t> ids,
                                   const at::Tensor& gradient) {
  gradient.add_(at::embedding_dense_backward(dx.to(at::kFloat), indices(ids, dx.device()),
                                             gradient.size(0), -1, false));
}

void statistics(const at::Tensor& logits, const at::Tensor& targets, int64_t first,
                double inverse_temperature, const Statistics& out) {
  const int64_t count = logits.size(0);
  const at::Tensor columns = targets.narrow(0, first, count).to(at::kLong).unsqueeze(1);
  const auto rows = [&](const at::Tensor& whole) { return whole.narrow(0, first, count); };
  at::Tensor scaled = logits.to(at::kFloat);
  if (inverse_temperature != 1) scaled = scaled * inverse_temperature;
  const at::Tensor logp = at::_log_softmax(scaled, 1, false);
  rows(out.logprob).copy_(logp.gather(1, columns).squeeze(1));
  rows(out.correct).copy_(logits.gather(1, columns).squeeze(1) >= at::amax(logits, 1));
  if (!out.entropy.defined()) return;
  rows(out.entropy).copy_((logp.exp() * logp).sum(1).neg_());
  rows(out.mean_logit).copy_(logits.mean(1, false, at::kFloat));
}

void to_gradients(const at::Tensor& logits, const at::Tensor& targets, int64_t first,
                  double inverse_temperature, const Statistics& made, const at::Tensor& g,
                  const at::Tensor& ge) {
  const int64_t count = logits.size(0);
  const at::Tensor columns = targets.narrow(0, first, count).to(at::kLong).unsqueeze(1);
  const auto rows = [&](const at::Tensor& whole) {
    return whole.narrow(0, first, count).unsqueeze(1);
  };
  const at::Tensor a = rows(g) * inverse_temperature;
  at::Tensor scaled = logits.to(at::kFloat);
  if (inverse_temperature != 1) scaled = scaled * inverse_temperature;
  // log Z, from the target's own log-probability
  const at::Tensor logp = scaled.sub_(scaled.gather(1, columns) - rows(made.logprob));
  if (ge.defined()) {
    const at::Tensor b = rows(ge) * inverse_temperature;
    const at::Tensor slope = (logp + rows(made.entropy)).mul_(b).add_(a);
    logits.copy_(logp.exp_().mul_(slope).neg_().scatter_add_(1, columns, a));
    return;
  }
  logits.copy_(logp.exp_().mul_(-a).scatter_add_(1, columns, a));
}

}  // namespace lehr::lm::aten
