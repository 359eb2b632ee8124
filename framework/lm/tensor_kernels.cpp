#include "lm/tensor_kernels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <vector>

#include "lm/aten_operators.h"
#include "lm/device.h"
#include "lm/gpu_kernels.h"
#include "lm/parallel.h"

namespace lehr::lm {

namespace {

// Rows that share one partial sum: at most 32 of them, whatever the threads.
int64_t partial_block(int64_t rows) { return std::max<int64_t>(kRowBlock, (rows + 31) / 32); }

// gradient [width] float32 += the rows of partial, in order; undefined: nobody wants it.
void add_partial_sums(const std::vector<float>& partial, int64_t width,
                      const at::Tensor& gradient) {
  if (!gradient.defined()) return;
  float* total = gradient.data_ptr<float>();
  for (size_t i = 0; i < partial.size(); ++i) total[i % static_cast<size_t>(width)] += partial[i];
}

}  // namespace

const Kernels& kernels_for(const at::Tensor& compute) {
  TORCH_CHECK(compute.scalar_type() == at::kFloat || compute.scalar_type() == at::kBFloat16,
              "expected a float32 or bfloat16 tensor, got ", compute.scalar_type());
  static const Kernels& fp32 = kernels(false);
  static const Kernels& bf16 = kernels(true);
  return compute.scalar_type() == at::kBFloat16 ? bf16 : fp32;
}

void check_dense(const at::Tensor& tensor, const char* what) {
  TORCH_CHECK(tensor.is_contiguous(), what, " must be contiguous");
}

NormOutput norm_forward(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                        double eps) {
  check_dense(x, "norm x");
  if (gpu::takes(x, x.size(1))) return gpu::norm_forward(x, delta, weight, eps);
  if (through_aten(x)) return aten::norm_forward(x, delta, weight, eps);
  NormOutput out{delta.defined() ? at::empty_like(x) : x, at::empty_like(x),
                 at::empty({x.size(0)}, at::kFloat)};
  if (delta.defined()) check_dense(delta, "norm delta");
  const Kernels& k = kernels_for(x);
  float* rstd = out.rstd.data_ptr<float>();
  parallel_blocks(x.size(0), kRowBlock, [&](int64_t begin, int64_t end) {
    k.rms_norm(row(x, begin), delta.defined() ? row(delta, begin) : nullptr, row(out.sum, begin),
               weight.data_ptr(), row(out.normed, begin), rstd + begin, end - begin, x.size(1),
               static_cast<float>(eps));
  });
  return out;
}

void norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd,
                   const at::Tensor& weight, at::Tensor& dx, bool accumulate,
                   const at::Tensor& d_weight) {
  check_dense(dy, "norm dy");
  if (gpu::takes(x, x.size(1)))
    return gpu::norm_backward(dy, x, rstd, weight, dx, accumulate, d_weight);
  if (through_aten(x)) return aten::norm_backward(dy, x, rstd, weight, dx, accumulate, d_weight);
  const int64_t rows = x.size(0);
  const int64_t width = x.size(1);
  // One partial sum per block of rows, whatever the threads; added in order.
  const int64_t block = partial_block(rows);
  const int64_t blocks = (rows + block - 1) / block;
  std::vector<float> partial(static_cast<size_t>(blocks * width), 0.0f);
  const Kernels& k = kernels_for(x);
  parallel_blocks(rows, block, [&](int64_t begin, int64_t end) {
    k.rms_norm_backward(row(dy, begin), row(x, begin), weight.data_ptr(),
                        rstd.data_ptr<float>() + begin, row(dx, begin),
                        partial.data() + begin / block * width, end - begin, width, accumulate);
  });
  add_partial_sums(partial, width, d_weight);
}

void head_norm_(at::Tensor& qkv, const at::Tensor& q_weight, const at::Tensor& k_weight,
                const HeadShape& shape, double eps, HeadNormTape* tape) {
  check_dense(qkv, "head_norm qkv");
  if (through_aten(qkv)) return aten::head_norm_(qkv, q_weight, k_weight, shape, eps, tape);
  const int64_t d = shape.head_dim;
  const int64_t heads = shape.heads + shape.kv_heads;
  if (tape != nullptr) {
    // Not contiguous(), which copies nothing where there is one row.
    tape->qk = qkv.narrow(1, 0, heads * d).clone(at::MemoryFormat::Contiguous);
    tape->rstd = at::empty({qkv.size(0), heads}, at::kFloat);
  }
  const Kernels& k = kernels_for(qkv);
  parallel_blocks(qkv.size(0), kRowBlock, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      char* q = static_cast<char*>(row(qkv, r));
      char* keys = q + shape.heads * d * qkv.element_size();
      float* rstd = tape != nullptr ? tape->rstd.data_ptr<float>() + r * heads : nullptr;
      const auto norm = [&](char* x, const at::Tensor& weight, float* to, int64_t count) {
        k.rms_norm(x, nullptr, x, weight.data_ptr(), x, to, count, d, static_cast<float>(eps));
      };
      norm(q, q_weight, rstd, shape.heads);
      norm(keys, k_weight, rstd != nullptr ? rstd + shape.heads : nullptr, shape.kv_heads);
    }
  });
}

void head_norm_backward_(at::Tensor& d_qkv, const HeadNormTape& tape, const at::Tensor& q_weight,
                         const at::Tensor& k_weight, const HeadShape& shape,
                         const at::Tensor& d_q_weight, const at::Tensor& d_k_weight) {
  check_dense(d_qkv, "head_norm d_qkv");
  if (through_aten(d_qkv))
    return aten::head_norm_backward_(d_qkv, tape, q_weight, k_weight, shape, d_q_weight,
                                     d_k_weight);
  const int64_t rows = d_qkv.size(0);
  const int64_t d = shape.head_dim;
  const int64_t heads = shape.heads + shape.kv_heads;
  const int64_t block = partial_block(rows);
  const auto floats = static_cast<size_t>((rows + block - 1) / block * d);
  std::vector<float> q_partial(floats, 0.0f), k_partial(floats, 0.0f);
  const Kernels& k = kernels_for(d_qkv);
  parallel_blocks(rows, block, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const auto undo = [&](int64_t first, int64_t count, const at::Tensor& weight, float* sums) {
        const int64_t shift = first * d * d_qkv.element_size();
        char* gradient = static_cast<char*>(row(d_qkv, r)) + shift;
        k.rms_norm_backward(gradient, static_cast<char*>(row(tape.qk, r)) + shift,
                            weight.data_ptr(), tape.rstd.data_ptr<float>() + r * heads + first,
                            gradient, sums + begin / block * d, count, d, false);
      };
      undo(0, shape.heads, q_weight, q_partial.data());
      undo(shape.heads, shape.kv_heads, k_weight, k_partial.data());
    }
  });
  add_partial_sums(q_partial, d, d_q_weight);
  add_partial_sums(k_partial, d, d_k_weight);
}

void rotate_(at::Tensor& qkv, const at::Tensor& cosines_sines, const HeadShape& shape, float sign) {
  TORCH_CHECK(qkv.size(1) == shape.qkv_width() && qkv.stride(1) == 1 &&
                  cosines_sines.size(0) == qkv.size(0) && cosines_sines.size(1) == shape.head_dim &&
                  cosines_sines.is_contiguous(),
              "rope: qkv must be [N, (H+2K)*D] and the table [N, D]");
  if (gpu::takes(qkv, shape.head_dim / 2)) return gpu::rotate_(qkv, cosines_sines, shape, sign);
  if (through_aten(qkv)) return aten::rotate_(qkv, cosines_sines, shape, sign);
  const Kernels& k = kernels_for(qkv);
  const float* table = cosines_sines.data_ptr<float>();
  parallel_blocks(qkv.size(0), kRowBlock, [&](int64_t begin, int64_t end) {
    k.rope(row(qkv, begin), table + begin * shape.head_dim, end - begin, qkv.stride(0),
           shape.heads + shape.kv_heads, shape.head_dim, sign);
  });
}

SwigluGradient swiglu_backward(const at::Tensor& gate_up, const at::Tensor& dy) {
  check_dense(gate_up, "swiglu gate_up");
  check_dense(dy, "swiglu dy");
  if (gpu::takes(dy, dy.size(1))) return gpu::swiglu_backward(gate_up, dy);
  if (through_aten(dy)) return aten::swiglu_backward(gate_up, dy);
  SwigluGradient out{at::empty_like(gate_up), at::empty_like(dy)};
  const Kernels& k = kernels_for(gate_up);
  parallel_blocks(dy.size(0), kRowBlock, [&](int64_t begin, int64_t end) {
    k.swiglu_backward(row(gate_up, begin), row(dy, begin), row(out.d_gate_up, begin),
                      row(out.y, begin), end - begin, dy.size(1));
  });
  return out;
}

void accumulate_weight_gradient(const at::Tensor& dy, const at::Tensor& x, at::Tensor gradient) {
  if (through_aten(x)) return aten::accumulate_weight_gradient(dy, x, gradient);
  if (x.scalar_type() == at::kFloat) {
    gradient.addmm_(dy.t(), x);
    return;
  }
  const at::Tensor product = at::mm(dy.t(), x);
  const Kernels& k = kernels_for(x);
  constexpr int64_t kBlock = 1 << 15;
  float* to = gradient.data_ptr<float>();
  const char* from = static_cast<const char*>(product.data_ptr());
  parallel_blocks(product.numel(), kBlock, [&](int64_t begin, int64_t end) {
    k.accumulate(from + begin * product.element_size(), to + begin, end - begin);
  });
}

void accumulate_bias_gradient(const at::Tensor& dy, const at::Tensor& gradient) {
  check_dense(dy, "bias dy");
  if (through_aten(dy)) {
    gradient.add_(dy.sum(0, false, at::kFloat));
    return;
  }
  const Kernels& k = kernels_for(dy);
  float* to = gradient.data_ptr<float>();
  parallel_blocks(dy.size(1), 64, [&](int64_t begin, int64_t end) {
    for (int64_t r = 0; r < dy.size(0); ++r) {
      const char* from = static_cast<const char*>(row(dy, r)) + begin * dy.element_size();
      k.accumulate(from, to + begin, end - begin);
    }
  });
}

void accumulate_embedding_gradient(const at::Tensor& dx, std::span<const int32_t> ids,
                                   const at::Tensor& gradient) {
  check_dense(dx, "embedding dx");
  if (through_aten(dx)) return aten::accumulate_embedding_gradient(dx, ids, gradient);
  const Kernels& k = kernels_for(dx);
  parallel_blocks(dx.size(1), 64, [&](int64_t begin, int64_t end) {
    k.scatter_add(dx.data_ptr(), ids.data(), gradient.data_ptr<float>(), dx.size(0), dx.size(1),
                  begin, end);
  });
}

}  // namespace lehr::lm
