// The differentiable heads. Logits exist for one chunk of entries at a time; see operators.h.
// Weight gradients go straight to the head's float32 buffer, autograd carries dH alone. An anchor
// tensor that requires gradients makes autograd record even where the trunk is frozen. What comes
// out is on the host, wherever the hidden states are: losses are put together there.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "lm/aten_operators.h"
#include "lm/device.h"
#include "lm/gpu_kernels.h"
#include "lm/operators.h"
#include "lm/parallel.h"
#include "lm/row_sum.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What a head's backward needs besides tensors.
struct HeadTape : torch::CustomClassHolder {
  LinearHead head;
  std::vector<int32_t> rows;
  std::vector<int32_t> targets;
  at::Tensor hidden;   // [N, C]
  at::Tensor columns;  // [M] int32, the targets on the device; undefined where our CPU kernels run
  // On hidden's device, as correct and mean_logit.
  at::Tensor logprob;  // [M]
  at::Tensor entropy;  // [M]; undefined: not wanted
  at::Tensor correct, mean_logit;
  float inverse_temperature = 1.0f;
  at::Tensor d_weight;             // [V, C] float32, made in forward
  std::unique_ptr<RowSum> d_rows;  // made in forward
};

c10::intrusive_ptr<HeadTape> make_tape(const at::Tensor& hidden, const LinearHead& head,
                                       std::span<const LossEntry> entries) {
  check_dense(hidden, "hidden");
  auto tape = c10::make_intrusive<HeadTape>();
  tape->head = head;
  tape->hidden = hidden.detach();
  for (const LossEntry& entry : entries) {
    tape->rows.push_back(entry.row);
    tape->targets.push_back(entry.target);
  }
  if (through_aten(hidden)) tape->columns = indices(tape->targets, hidden.device());
  return tape;
}

void keep(AutogradContext* ctx, const c10::intrusive_ptr<HeadTape>& tape) {
  ctx->saved_data["tape"] = c10::IValue::make_capsule(tape);
}

HeadTape& kept(AutogradContext* ctx) {
  return static_cast<HeadTape&>(*ctx->saved_data["tape"].toCapsule());
}

at::Tensor make_anchor(const LinearHead& head) {
  at::Tensor anchor = at::zeros({1}, at::kFloat);
  if (head.gradient.defined()) anchor.requires_grad_(true);
  return anchor;
}

// Entries per chunk: about 8M logits, on a GPU 64M; a function of the vocabulary alone.
int64_t chunk_rows(int64_t vocabulary, bool gpu) {
  if (gpu) return std::clamp<int64_t>((int64_t{1} << 26) / vocabulary, 64, 8192);
  return std::clamp<int64_t>((int64_t{1} << 23) / vocabulary, 64, 1024);
}

at::Tensor results(const HeadTape& tape, at::ScalarType type = at::kFloat) {
  return at::empty({static_cast<int64_t>(tape.rows.size())}, tape.hidden.options().dtype(type));
}

// Calls f(first entry, hidden rows [m, C], logits [m, V] to be used up) chunk by chunk.
template <class F>
void for_each_chunk(const HeadTape& tape, F&& f) {
  const at::Tensor& weight = tape.head.weight;
  const int64_t count = static_cast<int64_t>(tape.rows.size());
  const at::Tensor gathered = gather_rows(tape.hidden, tape.rows);
  const int64_t most = std::min(count, chunk_rows(weight.size(0), weight.is_cuda()));
  const at::Tensor buffer = at::empty({most, weight.size(0)}, weight.options());
  for (int64_t first = 0; first < count; first += most) {
    const int64_t m = std::min(most, count - first);
    const at::Tensor rows = gathered.narrow(0, first, m);
    at::Tensor logits = buffer.narrow(0, 0, m);
    at::mm_out(logits, rows, weight.t());
    f(first, rows, logits);
  }
}

// Never the tensor itself.
at::Tensor host_copy(const at::Tensor& x) { return x.is_cpu() ? x.clone() : on_host(x); }

constexpr int64_t kLogitRows = 4;  // rows of logits a thread takes at a time

Statistics made(const HeadTape& tape) {
  return {tape.logprob, tape.entropy, tape.mean_logit, tape.correct};
}

void statistics(const HeadTape& tape, int64_t first, const at::Tensor& logits) {
  if (through_aten(logits))
    return (gpu::takes(logits, logits.size(1)) ? gpu::statistics : aten::statistics)(
        logits, tape.columns, first, tape.inverse_temperature, made(tape));
  const bool all = tape.entropy.defined();
  const Kernels& k = kernels_for(logits);
  parallel_blocks(logits.size(0), kLogitRows, [&](int64_t begin, int64_t end) {
    const int64_t at = first + begin;
    const RowStatistics out{
        tape.logprob.data_ptr<float>() + at, all ? tape.entropy.data_ptr<float>() + at : nullptr,
        all ? tape.mean_logit.data_ptr<float>() + at : nullptr, tape.correct.data_ptr<bool>() + at};
    k.row_statistics(row(logits, begin), tape.targets.data() + at, end - begin, logits.size(1),
                     tape.inverse_temperature, out);
  });
}

// Logits of one chunk become their gradients; g, ge: [M] of the whole on hidden's device, ge may be
// undefined.
void to_gradients(const HeadTape& tape, int64_t first, const at::Tensor& logits,
                  const at::Tensor& g, const at::Tensor& ge) {
  if (through_aten(logits))
    return (gpu::takes(logits, logits.size(1)) ? gpu::to_gradients : aten::to_gradients)(
        logits, tape.columns, first, tape.inverse_temperature, made(tape), g, ge);
  const bool both = ge.defined();
  const Kernels& k = kernels_for(logits);
  parallel_blocks(logits.size(0), kLogitRows, [&](int64_t begin, int64_t end) {
    const int64_t at = first + begin;
    k.logits_gradient(row(logits, begin), tape.targets.data() + at, end - begin, logits.size(1),
                      tape.inverse_temperature, tape.logprob.data_ptr<float>() + at,
                      both ? tape.entropy.data_ptr<float>() + at : nullptr,
                      g.data_ptr<float>() + at, both ? ge.data_ptr<float>() + at : nullptr);
  });
}

struct CrossEntropyFunction : torch::autograd::Function<CrossEntropyFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& hidden, const at::Tensor&,
                            const c10::intrusive_ptr<HeadTape>& tape,
                            const std::vector<float>& weights, bool record) {
    tape->logprob = results(*tape);
    tape->correct = results(*tape, at::kBool);
    const at::Tensor g = floats(weights, hidden.device()).neg_();
    if (record) {
      tape->d_rows = std::make_unique<RowSum>(hidden);
      if (tape->head.gradient.defined()) {
        tape->d_weight = at::zeros_like(tape->head.gradient);
      }
    }
    for_each_chunk(*tape, [&](int64_t first, const at::Tensor& rows, const at::Tensor& logits) {
      statistics(*tape, first, logits);
      if (!record) return;
      to_gradients(*tape, first, logits, g, {});
      tape->d_rows->add(tape->rows, first, at::mm(logits, tape->head.weight));
      if (tape->d_weight.defined()) accumulate_weight_gradient(logits, rows, tape->d_weight);
    });
    tape->logprob = on_host(tape->logprob);
    tape->correct = on_host(tape->correct);
    double loss = 0;
    const float* logprob = tape->logprob.data_ptr<float>();
    for (size_t i = 0; i < weights.size(); ++i) loss -= double{weights[i]} * logprob[i];
    tape->hidden.reset();
    if (record) keep(ctx, tape);
    return at::empty({}, at::kFloat).fill_(loss);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    HeadTape& tape = kept(ctx);
    TORCH_CHECK(tape.d_rows, "linear_cross_entropy: backward ran twice");
    const float scale = gradients[0].item<float>();
    if (tape.d_weight.defined()) tape.head.gradient.add_(tape.d_weight, scale);
    const at::Tensor d_hidden = tape.d_rows->scaled(scale);
    tape.d_rows.reset();
    tape.d_weight.reset();
    return {d_hidden, {}, {}, {}, {}};
  }
};

struct LogprobsFunction : torch::autograd::Function<LogprobsFunction> {
  static variable_list forward(AutogradContext* ctx, const at::Tensor&, const at::Tensor&,
                               const c10::intrusive_ptr<HeadTape>& tape) {
    for (at::Tensor* made : {&tape->logprob, &tape->entropy, &tape->mean_logit})
      *made = results(*tape);
    tape->correct = results(*tape, at::kBool);
    for_each_chunk(*tape, [&](int64_t first, const at::Tensor&, const at::Tensor& logits) {
      statistics(*tape, first, logits);
    });
    keep(ctx, tape);
    ctx->set_materialize_grads(false);
    // The tape keeps plain copies: its tensors must not carry the graph they are saved in.
    return {host_copy(tape->logprob), host_copy(tape->entropy)};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    HeadTape& tape = kept(ctx);
    const auto moved = [&](const at::Tensor& x) {
      return x.contiguous().to(tape.hidden.device(), /*non_blocking=*/true);
    };
    const at::Tensor g =
        gradients[0].defined() ? moved(gradients[0]) : at::zeros_like(tape.logprob);
    const at::Tensor ge = gradients[1].defined() ? moved(gradients[1]) : at::Tensor();
    RowSum d_rows(tape.hidden);
    for_each_chunk(tape, [&](int64_t first, const at::Tensor& rows, const at::Tensor& logits) {
      to_gradients(tape, first, logits, g, ge);
      d_rows.add(tape.rows, first, at::mm(logits, tape.head.weight));
      if (tape.head.gradient.defined()) {
        accumulate_weight_gradient(logits, rows, tape.head.gradient);
      }
    });
    return {d_rows.scaled(1.0f), {}, {}};
  }
};

struct ScalarFunction : torch::autograd::Function<ScalarFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor&, const at::Tensor&,
                            const c10::intrusive_ptr<HeadTape>& tape) {
    const at::Tensor gathered = gather_rows(tape->hidden, tape->rows);
    keep(ctx, tape);
    if (through_aten(gathered))
      return host_copy(
          at::mv(gathered.to(at::kFloat), tape->head.weight.view({-1}).to(at::kFloat)));
    at::Tensor out = at::empty({gathered.size(0)}, at::kFloat);
    if (gathered.size(0) > 0) {
      kernels_for(gathered).row_dot(gathered.data_ptr(), tape->head.weight.data_ptr(),
                                    out.data_ptr<float>(), gathered.size(0), gathered.size(1));
    }
    return out;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    HeadTape& tape = kept(ctx);
    const at::Tensor g = gradients[0].contiguous().to(tape.hidden.device()).unsqueeze(1);  // [M, 1]
    const at::Tensor gathered = gather_rows(tape.hidden, tape.rows);
    if (tape.head.gradient.defined()) {
      tape.head.gradient.add_(at::mm(g.t(), gathered.to(at::kFloat)));
    }
    RowSum d_rows(tape.hidden);
    d_rows.add(tape.rows, 0, at::mm(g, tape.head.weight.to(at::kFloat)).to(gathered.scalar_type()));
    return {d_rows.scaled(1.0f), {}, {}};
  }
};

}  // namespace

CrossEntropy linear_cross_entropy(const at::Tensor& hidden, const LinearHead& head,
                                  std::span<const LossEntry> entries) {
  const auto tape = make_tape(hidden, head, entries);
  std::vector<float> weights;
  for (const LossEntry& entry : entries) weights.push_back(entry.weight);
  const at::Tensor anchor = make_anchor(head);
  const bool record =
      at::GradMode::is_enabled() && (hidden.requires_grad() || anchor.requires_grad());
  const at::Tensor loss = CrossEntropyFunction::apply(hidden, anchor, tape, weights, record);
  return {loss, tape->logprob.neg(), tape->correct};
}

TokenLogprobs token_logprobs(const at::Tensor& hidden, const LinearHead& head,
                             std::span<const LossEntry> entries, double temperature) {
  TORCH_CHECK(temperature > 0, "token_logprobs: temperature must be positive, got ", temperature);
  const auto tape = make_tape(hidden, head, entries);
  tape->inverse_temperature = static_cast<float>(1.0 / temperature);
  const variable_list outputs = LogprobsFunction::apply(hidden, make_anchor(head), tape);
  return {outputs[0], outputs[1], on_host(tape->correct), on_host(tape->mean_logit)};
}

at::Tensor scalar_head(const at::Tensor& hidden, const LinearHead& head,
                       std::span<const int32_t> rows) {
  auto tape = make_tape(hidden, head, {});
  tape->rows.assign(rows.begin(), rows.end());
  return ScalarFunction::apply(hidden, make_anchor(head), tape);
}

}  // namespace lehr::lm
