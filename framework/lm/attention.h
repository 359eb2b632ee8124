// Packed causal attention with shared prefixes: splits a batch into tasks for the kernels.
// Cost is for real tokens only; nothing crosses a segment except its prefix.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "lm/batch.h"
#include "lm/operators.h"

namespace lehr::lm {

// The segments of a batch, with what a GPU wants to know of them; made once for all layers.
struct PackedSegments {
  PackedSegments() = default;
  PackedSegments(std::vector<Segment> segments);

  std::vector<Segment> list;
  // On device(), undefined where that is the CPU. S segments, T keys: the rows each segment sees,
  // one segment after the other.
  at::Tensor query_starts, key_starts;  // [S+1] int32
  at::Tensor key_rows;                  // [T] int32; undefined: no prefix, so the rows themselves
  int64_t most_queries = 0, most_keys = 0;
};

struct AttentionOutput {
  at::Tensor out;           // [N, H*D] compute dtype
  at::Tensor logsumexp;     // [H, N] float32; undefined unless asked for
  at::Tensor seed, offset;  // of a GPU's dropout, which is never on: backward wants them back
};
AttentionOutput attention_forward(const at::Tensor& qkv, const PackedSegments& segments,
                                  const HeadShape& shape, bool for_backward);

// -> d_qkv [N, (H+2K)*D]. Segments that share a prefix are summed in their order.
at::Tensor attention_backward(const at::Tensor& d_out, const at::Tensor& qkv,
                              const AttentionOutput& forward, const PackedSegments& segments,
                              const HeadShape& shape);

}  // namespace lehr::lm
