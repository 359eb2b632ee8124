// Our kernels for NVIDIA GPUs (gpu/kernels.cu) on tensors: what ATen would need many passes over
// memory for. NVRTC, which comes with LibTorch, compiles them for the GPU at hand when a process
// first uses one, in about a second; building Lehr needs no CUDA compiler. Semantics, shapes and
// dtypes as in tensor_kernels.h and aten_operators.h, which is the way for what these do not take.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>

#include "lm/aten_operators.h"

namespace lehr::lm::gpu {

// Of the first GPU: "NVIDIA H100 80GB HBM3", and 90 for compute capability 9.0.
std::string model();
int compute_capability();

// Whether the kernels take rows of such a width of x: on a GPU, float32 or bf16, a multiple of 8.
bool takes(const at::Tensor& x, int64_t width);

NormOutput norm_forward(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                        double eps);
void norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd,
                   const at::Tensor& weight, at::Tensor& dx, bool accumulate,
                   const at::Tensor& d_weight);
// The head width must be a multiple of 16.
void rotate_(at::Tensor& qkv, const at::Tensor& cosines_sines, const HeadShape& shape, float sign);
at::Tensor swiglu(const at::Tensor& gate_up);
SwigluGradient swiglu_backward(const at::Tensor& gate_up, const at::Tensor& dy);
void statistics(const at::Tensor& logits, const at::Tensor& targets, int64_t first,
                double inverse_temperature, const Statistics& out);
void to_gradients(const at::Tensor& logits, const at::Tensor& targets, int64_t first,
                  double inverse_temperature, const Statistics& made, const at::Tensor& g,
                  const at::Tensor& ge);

// The next token of each row of logits [B, V] float32 as sampler.h says it, without truncation:
// tokens [B] int32 and their log-probabilities [B] float32. uniforms: [B] float64. Sums run in
// another order than on the CPU, so a number within rounding of the border of two tokens may fall
// on the other side.
std::pair<at::Tensor, at::Tensor> choose(const at::Tensor& logits, const at::Tensor& uniforms,
                                         double temperature);

}  // namespace lehr::lm::gpu
