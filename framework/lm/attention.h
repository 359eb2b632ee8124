// Packed causal attention with shared prefixes: splits a batch into tasks for the kernels.
// Cost is for real tokens only; nothing crosses a segment except its prefix.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "lm/batch.h"
#include "lm/operators.h"

namespace lehr::lm {

struct AttentionOutput {
  at::Tensor out;        // [N, H*D] compute dtype
  at::Tensor logsumexp;  // [H, N] float32; undefined unless asked for
};
AttentionOutput attention_forward(const at::Tensor& qkv, std::span<const Segment> segments,
                                  const HeadShape& shape, bool for_backward);

// -> d_qkv [N, (H+2K)*D]. Segments that share a prefix are summed in their order.
at::Tensor attention_backward(const at::Tensor& d_out, const at::Tensor& qkv,
                              const AttentionOutput& forward, std::span<const Segment> segments,
                              const HeadShape& shape);

}  // namespace lehr::lm
