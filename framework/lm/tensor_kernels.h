// Our kernels on tensors, with what backward needs: the layer code's private vocabulary.
// Shapes as in operators.h; every tensor here is dense ([N, C] with row stride C).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "lm/kernels.h"
#include "lm/operators.h"

namespace lehr::lm {

constexpr int64_t kRowBlock = 64;  // rows a thread takes at a time

const Kernels& kernels_for(const at::Tensor& compute);  // throws on other dtypes
void check_dense(const at::Tensor& tensor, const char* what);

inline void* row(const at::Tensor& tensor, int64_t index) {
  return static_cast<char*>(tensor.data_ptr()) + index * tensor.stride(0) * tensor.element_size();
}

struct NormOutput {
  at::Tensor sum;     // x + delta, or x itself without delta
  at::Tensor normed;  // [N, C]
  at::Tensor rstd;    // [N] float32
};
// delta may be undefined. Unlike add_rms_norm, leaves x alone.
NormOutput norm_forward(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                        double eps);
// dx [N, C]: written, or added to when accumulate. d_weight [C] float32 += , where defined.
void norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd,
                   const at::Tensor& weight, at::Tensor& dx, bool accumulate,
                   const at::Tensor& d_weight);

void rotate_(at::Tensor& qkv, const at::Tensor& cosines_sines, const HeadShape& shape, float sign);

// RMSNorm over each head of q and k, in place; v is left alone. q_weight, k_weight: [D].
struct HeadNormTape {
  at::Tensor qk;    // [N, (H+K)*D] as it entered
  at::Tensor rstd;  // [N, H+K] float32
};
// tape: null where there is no backward.
void head_norm_(at::Tensor& qkv, const at::Tensor& q_weight, const at::Tensor& k_weight,
                const HeadShape& shape, double eps, HeadNormTape* tape);
// d_qkv enters as the gradient of the normed qkv and leaves as that of what entered.
void head_norm_backward_(at::Tensor& d_qkv, const HeadNormTape& tape, const at::Tensor& q_weight,
                         const at::Tensor& k_weight, const HeadShape& shape,
                         const at::Tensor& d_q_weight, const at::Tensor& d_k_weight);

struct SwigluGradient {
  at::Tensor d_gate_up;  // [N, 2F]
  at::Tensor y;          // [N, F], made again
};
SwigluGradient swiglu_backward(const at::Tensor& gate_up, const at::Tensor& dy);

// gradient (float32 [out, in]) += dy^T x. dy: [N, out], x: [N, in].
void accumulate_weight_gradient(const at::Tensor& dy, const at::Tensor& x, at::Tensor gradient);

// gradient (float32 [out]) += the sum of dy's rows, in their order. dy: [N, out].
void accumulate_bias_gradient(const at::Tensor& dy, const at::Tensor& gradient);

// gradient (float32 [V, C]) [ids[r]] += dx[r], in the order of rows.
void accumulate_embedding_gradient(const at::Tensor& dx, std::span<const int32_t> ids,
                                   const at::Tensor& gradient);

}  // namespace lehr::lm
