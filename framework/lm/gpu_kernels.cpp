#include "lm/gpu_kernels.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "lm/device.h"
#include "lm/gpu_driver.h"

namespace lehr::lm::gpu {
namespace {

constexpr int64_t kPack = 8;  // see kernels.cu
constexpr int kThreads = 128, kWarps = kThreads / 32;
constexpr int kRowThreads = 256;        // of a row of logits
constexpr int64_t kMostPartials = 128;  // blocks of rows that have a sum of their own

// A kernel in both dtypes; `name` without its template argument.
class Both {
 public:
  explicit Both(const char* name)
      : fp32_(kernel(std::string(name) + "<float>")), bf16_(kernel(std::string(name) + "<bf16>")) {}
  Kernel operator()(const at::Tensor& x) const {
    return x.scalar_type() == at::kBFloat16 ? bf16_ : fp32_;
  }

 private:
  Kernel fp32_, bf16_;
};

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Arguments as the kernels' parameters have them.
const void* in(const at::Tensor& x) { return x.defined() ? x.const_data_ptr() : nullptr; }
void* out(const at::Tensor& x) { return x.defined() ? x.data_ptr() : nullptr; }
int whole(int64_t x) { return static_cast<int>(x); }
long long wide(int64_t x) { return x; }

// Row `first` on of a vector with one value a row.
const void* in(const at::Tensor& x, int64_t first) {
  return x.defined() ? static_cast<const char*>(x.const_data_ptr()) + first * x.element_size()
                     : nullptr;
}
void* out(const at::Tensor& x, int64_t first) { return const_cast<void*>(in(x, first)); }

// In the stream that ATen's work of this thread goes to.
template <class... Args>
void ask(Kernel kernel, Grid grid, Args... values) {
  launch(kernel, grid, current_stream(), values...);
}

}  // namespace

bool takes(const at::Tensor& x, int64_t width) {
  return !x.is_cpu() && !only_aten() && width % kPack == 0 &&
         reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % 16 == 0 &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

NormOutput norm_forward(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                        double eps) {
  static const Both kernel("rms_norm");
  const int64_t rows = x.size(0);
  NormOutput made{delta.defined() ? at::empty_like(x) : x, at::empty_like(x),
                  at::empty({rows}, x.options().dtype(at::kFloat))};
  ask(kernel(x), {ceil_div(rows, kWarps), 1, kThreads}, in(x), in(delta), out(made.sum), in(weight),
      out(made.normed), out(made.rstd), whole(rows), whole(x.size(1)), static_cast<float>(eps));
  return made;
}

void norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd,
                   const at::Tensor& weight, at::Tensor& dx, bool accumulate,
                   const at::Tensor& d_weight) {
  static const Both kernel("rms_norm_backward"), columns("rms_norm_columns");
  static const Kernel add = gpu::kernel("add_columns");
  const int64_t rows = x.size(0), width = x.size(1);
  if (d_weight.defined()) {  // first: dx may be dy
    const int64_t block = std::max<int64_t>(32, ceil_div(rows, kMostPartials));
    const int64_t blocks = ceil_div(rows, block), across = ceil_div(width, kThreads);
    const at::Tensor partial = at::empty({blocks, width}, rstd.options());
    ask(columns(x), {across, blocks, kThreads}, in(dy), in(x), in(rstd), out(partial), whole(rows),
        whole(width), whole(block));
    ask(add, {across, 1, kThreads}, in(partial), out(d_weight), whole(blocks), whole(width));
  }
  ask(kernel(x), {ceil_div(rows, kWarps), 1, kThreads}, in(dy), in(x), in(weight), in(rstd),
      out(dx), whole(rows), whole(width), whole(accumulate ? 1 : 0));
}

void rotate_(at::Tensor& qkv, const at::Tensor& cosines_sines, const HeadShape& shape, float sign) {
  static const Both kernel("rope");
  const int64_t heads = shape.heads + shape.kv_heads;
  const int64_t items = qkv.size(0) * heads * (shape.head_dim / (2 * kPack));
  ask(kernel(qkv), {ceil_div(items, kThreads), 1, kThreads}, out(qkv), in(cosines_sines),
      wide(items), wide(qkv.stride(0)), whole(heads), whole(shape.head_dim), sign);
}

at::Tensor swiglu(const at::Tensor& gate_up) {
  static const Both kernel("swiglu");
  const int64_t rows = gate_up.size(0), width = gate_up.size(1) / 2, packs = rows * width / kPack;
  const at::Tensor y = at::empty({rows, width}, gate_up.options());
  ask(kernel(y), {ceil_div(packs, kThreads), 1, kThreads}, in(gate_up), out(y), wide(packs),
      whole(width));
  return y;
}

SwigluGradient swiglu_backward(const at::Tensor& gate_up, const at::Tensor& dy) {
  static const Both kernel("swiglu_backward");
  const int64_t width = dy.size(1), packs = dy.size(0) * width / kPack;
  SwigluGradient made{at::empty_like(gate_up), at::empty_like(dy)};
  ask(kernel(dy), {ceil_div(packs, kThreads), 1, kThreads}, in(gate_up), in(dy),
      out(made.d_gate_up), out(made.y), wide(packs), whole(width));
  return made;
}

void statistics(const at::Tensor& logits, const at::Tensor& targets, int64_t first,
                double inverse_temperature, const Statistics& made) {
  static const Both kernel("row_statistics");
  ask(kernel(logits), {logits.size(0), 1, kRowThreads}, in(logits), in(targets, first),
      whole(logits.size(1)), static_cast<float>(inverse_temperature), out(made.logprob, first),
      out(made.entropy, first), out(made.mean_logit, first), out(made.correct, first));
}

void to_gradients(const at::Tensor& logits, const at::Tensor& targets, int64_t first,
                  double inverse_temperature, const Statistics& made, const at::Tensor& g,
                  const at::Tensor& ge) {
  static const Both kernel("logits_gradient");
  ask(kernel(logits), {logits.size(0), 1, kRowThreads}, out(logits), in(targets, first),
      whole(logits.size(1)), static_cast<float>(inverse_temperature), in(made.logprob, first),
      in(made.entropy, first), in(g, first), in(ge, first));
}

std::pair<at::Tensor, at::Tensor> choose(const at::Tensor& logits, const at::Tensor& uniforms,
                                         double temperature) {
  static const Kernel kernel = gpu::kernel("choose");
  const int64_t rows = logits.size(0);
  const at::Tensor tokens = at::empty({rows}, logits.options().dtype(at::kInt));
  const at::Tensor logprobs = at::empty({rows}, logits.options());
  const double inverse = temperature == 0 ? 0 : 1 / temperature;
  ask(kernel, {rows, 1, kRowThreads}, in(logits), in(uniforms), whole(logits.size(1)),
      static_cast<float>(inverse), out(tokens), out(logprobs));
  return {tokens, logprobs};
}

}  // namespace lehr::lm::gpu
