// Matrix products of the layers: y = x W^T + b, and where a low-rank adapter is attached (LoRA, Hu
// et al. 2021), y += s (x A^T) B^T. A weight may be several that lie end to end (q, k, v): each
// part has its own A and B. N rows, I inputs, O outputs, P parts, r rank.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "lm/training_noise.h"

namespace lehr::lm {

// Weights in compute dtype, or their gradients in float32; in gradients what is frozen is
// undefined.
struct Linear {
  at::Tensor weight;  // [O, I]
  at::Tensor bias;    // [O] or undefined
  struct Part {
    int64_t begin = 0;  // its first output
    at::Tensor b;       // [outputs of the part, r]
  };
  at::Tensor a;  // [P*r, I], the parts' A one below the other; undefined: no adapter
  std::vector<Part> parts;
  double scale = 0;  // s = alpha / r
};

// Dropout before a product's adapter: every part has its own, as it has where PEFT adapts modules
// one by one. The default drops nothing. Borrows the noise.
struct AdapterDropout {
  const TrainingNoise* noise = nullptr;
  uint64_t place = 0;  // of the first part

  bool drops() const { return noise != nullptr && noise->dropout > 0; }
  at::Tensor operator()(const at::Tensor& x, size_t part) const {
    return noise->drop(x, place + part);
  }
};

// x [N, I] times weight [O, I] transposed, plus bias ([O], may be undefined): [N, O]. Up to
// as many rows as Kernels::most_few_rows says, each comes out the same whatever stands beside it.
at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});
// x: [N, I] -> [N, O]
at::Tensor apply(const Linear& w, const at::Tensor& x, const AdapterDropout& dropout = {});
// dy: [N, O] -> dx [N, I]. dropout, here and below: what apply() got.
at::Tensor input_gradient(const Linear& w, const at::Tensor& dy,
                          const AdapterDropout& dropout = {});
// Adds to all of `gradient` that is defined. x: what apply() got.
void add_weight_gradient(const Linear& w, const Linear& gradient, const at::Tensor& dy,
                         const at::Tensor& x, const AdapterDropout& dropout = {});

}  // namespace lehr::lm
