// The operators of operators.h and tensor_kernels.h through ATen, for devices that our kernels do
// not know. The same shapes, dtypes and rounding: activations in the compute dtype, statistics and
// sums in float32. Results depend neither on threads nor on the order in which a device runs them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "lm/operators.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {

// What a head keeps of logits [m, V] for entries [first, first + m): statistics() writes those rows
// of logprob, correct and, where defined, entropy and mean_logit, on the logits' device.
struct Statistics {
  at::Tensor logprob, entropy, mean_logit;  // [M] float32
  at::Tensor correct;                       // [M] bool
};

namespace aten {

NormOutput norm_forward(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                        double eps);
void norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd,
                   const at::Tensor& weight, at::Tensor& dx, bool accumulate,
                   const at::Tensor& d_weight);
void head_norm_(at::Tensor& qkv, const at::Tensor& q_weight, const at::Tensor& k_weight,
                const HeadShape& shape, double eps, HeadNormTape* tape);
void head_norm_backward_(at::Tensor& d_qkv, const HeadNormTape& tape, const at::Tensor& q_weight,
                         const at::Tensor& k_weight, const HeadShape& shape,
                         const at::Tensor& d_q_weight, const at::Tensor& d_k_weight);
void rotate_(at::Tensor& qkv, const at::Tensor& cosines_sines, const HeadShape& shape, float sign);
// positions [N] int32, frequencies [D/2] float32 -> cosines and sines [N, D] float32.
at::Tensor rope_table(const at::Tensor& positions, const at::Tensor& frequencies);
at::Tensor swiglu(const at::Tensor& gate_up);
SwigluGradient swiglu_backward(const at::Tensor& gate_up, const at::Tensor& dy);
void accumulate_weight_gradient(const at::Tensor& dy, const at::Tensor& x, at::Tensor gradient);
void accumulate_embedding_gradient(const at::Tensor& dx, std::span<const int32_t> ids,
                                   const at::Tensor& gradient);

// targets: [M] int32.
void statistics(const at::Tensor& logits, const at::Tensor& targets, int64_t first,
                double inverse_temperature, const Statistics& out);
// See Kernels::logits_gradient. g, ge: [M] float32 on the logits' device; ge may be undefined.
void to_gradients(const at::Tensor& logits, const at::Tensor& targets, int64_t first,
                  double inverse_temperature, const Statistics& made, const at::Tensor& g,
                  const at::Tensor& ge);

}  // namespace aten
}  // namespace lehr::lm
