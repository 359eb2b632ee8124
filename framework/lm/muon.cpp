#include "lm/muon.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <cmath>

#include "lm/device.h"
#include "lm/optimizer.h"

namespace lehr::lm {
namespace {

constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
constexpr int kIterations = 5;
constexpr double kSmallest = 1e-7;  // of a norm to divide by

}  // namespace

at::Tensor orthogonalized(const at::Tensor& matrix) {
  const bool tall = matrix.size(0) > matrix.size(1);
  at::Tensor x = tall ? matrix.t().contiguous() : matrix;
  for (int i = 0; i < kIterations; ++i) {
    const at::Tensor gram = at::mm(x, x.t());
    x = at::addmm(x, at::addmm(gram, gram, gram, kB, kC), x, kA, 1);
  }
  return tall ? x.t() : x;
}

void muon_step(const at::Tensor& weight, const at::Tensor& gradient, const at::Tensor& buffer,
               const at::Tensor& compute, const MuonStep& step) {
  gradient.mul_(step.gradient_scale);
  buffer.mul_(step.momentum).add_(gradient, 1 - step.momentum);
  gradient.mul_(1 - step.momentum).add_(buffer, step.momentum);
  if (through_aten(gradient))  // without waiting for the number
    gradient.div_(at::linalg_vector_norm(gradient).clamp_min(kSmallest));
  else
    gradient.div_(std::max(global_norm(gradient.view({-1})), kSmallest));
  const at::Tensor direction = orthogonalized(gradient.to(compute.scalar_type()));
  const auto longer = static_cast<double>(std::max(weight.size(0), weight.size(1)));
  weight.mul_(1 - step.learning_rate * step.weight_decay);
  weight.add_(direction, -step.learning_rate * 0.2 * std::sqrt(longer));
  if (!compute.is_same(weight)) compute.copy_(weight);
}

}  // namespace lehr::lm
