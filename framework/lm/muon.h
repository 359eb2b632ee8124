// Muon's step for one matrix (Jordan et al. 2024; the scale of Liu et al. 2025): momentum whose
// singular values are all brought near 1. w <- (1 - rate decay) w - rate 0.2 sqrt(max(m, n)) O(u),
// so that a step is as large as AdamW's and one learning rate serves both.
#pragma once

#include <ATen/core/Tensor.h>

namespace lehr::lm {

struct MuonStep {
  double learning_rate = 0;
  double momentum = 0.95;  // Nesterov's: buffer <- lerp(g, buffer, momentum), u the same again
  double weight_decay = 0;
  double gradient_scale = 1;  // clipping
};

// weight, gradient, buffer: [m, n] float32, all updated in place but gradient, which is used up.
// compute: [m, n] of the products' type, gets the new weight; may be `weight` itself.
void muon_step(const at::Tensor& weight, const at::Tensor& gradient, const at::Tensor& buffer,
               const at::Tensor& compute, const MuonStep& step);

// Five Newton-Schulz iterations with the coefficients 3.4445, -4.7750, 2.0315: x [m, n] keeps its
// singular vectors, its singular values come between about 0.7 and 1.2. Of x's type.
at::Tensor orthogonalized(const at::Tensor& x);

}  // namespace lehr::lm
