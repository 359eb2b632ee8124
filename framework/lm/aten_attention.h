// Packed causal attention through ATen. On a GPU in bf16 it is LibTorch's packed flash attention,
// whose cost is for real tokens only; else plain products in float32, segment by segment: a slow
// reference.
#pragma once

#include <ATen/core/Tensor.h>

#include "lm/attention.h"

namespace lehr::lm::aten {

AttentionOutput attention_forward(const at::Tensor& qkv, const PackedSegments& segments,
                                  const HeadShape& shape);
at::Tensor attention_backward(const at::Tensor& d_out, const at::Tensor& qkv,
                              const AttentionOutput& forward, const PackedSegments& segments,
                              const HeadShape& shape);

// The rows of a key/value cache [slots, rows, 2*K*D] that queries [B] look at: the first counts[b]
// of slot slots[b].
struct CachedRows {
  at::Tensor slots, counts;             // [B] int32
  at::Tensor query_starts, key_starts;  // [B+1] int32, as flash attention counts rows
  int64_t most;                         // no count is larger
};
CachedRows cached_rows(std::span<const int32_t> slots, std::span<const int32_t> counts,
                       int64_t rows, at::Device where);
// queries: [B, H*D], rows may be strided -> [B, H*D].
at::Tensor cached_attention(const at::Tensor& queries, const at::Tensor& cache,
                            const CachedRows& rows, const HeadShape& shape);

}  // namespace lehr::lm::aten
