// The maths of the model on tensors. Inference operators first, then the two differentiable heads.
// N tokens, M entries, C channels, H query heads, K key/value heads, D head width, F feed-forward
// width, V vocabulary. Activations are "compute dtype": float32 or bfloat16; sums run in float32.
// Results never depend on thread timing, nor, but for the rounding of matrix products, on what else
// shares a batch with a token.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "lm/batch.h"

namespace lehr::lm {

struct HeadShape {
  int64_t heads = 0;     // H
  int64_t kv_heads = 0;  // K
  int64_t head_dim = 0;  // D
  int64_t qkv_width() const { return (heads + 2 * kv_heads) * head_dim; }
};

// x: [N, C], weight: [C] -> [N, C]. y = weight * cast(x / sqrt(mean(x^2) + eps)), the HF order.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

// x += delta in place, then rms_norm(x). x, delta: [N, C].
at::Tensor add_rms_norm(at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                        double eps);

// Rotates q and k of qkv [N, (H+2K)*D] (q heads, then k heads, then v heads) in place, HF's
// rotate-half convention. cosines_sines: [N, D] float32 from rope_table.
void rope_(at::Tensor& qkv, const at::Tensor& cosines_sines, const HeadShape& shape);
// positions: [N] -> [N, D] float32, the first D/2 columns cosines, the rest sines.
// frequencies: [D/2], see ModelConfig::rope_frequencies.
at::Tensor rope_table(std::span<const int32_t> positions, std::span<const float> frequencies);

// gate_up: [N, 2F] (gate, then up) -> silu(gate) * up: [N, F].
at::Tensor swiglu(const at::Tensor& gate_up);

// qkv: [N, (H+2K)*D] after rope -> [N, H*D]. See Segment for who sees whom.
at::Tensor packed_attention(const at::Tensor& qkv, std::span<const Segment> segments,
                            const HeadShape& shape);

// A run of cached keys and values in the compute dtype: row r of head k is at
// keys + r * stride + k * head_stride elements; values likewise. `count` rows are visible.
struct KeyRange {
  const void* keys = nullptr;
  const void* values = nullptr;
  int64_t count = 0;
  int64_t stride = 0;       // elements between rows
  int64_t head_stride = 0;  // and between heads
};
// Decoding: query row b attends to every key of ranges[b] in order (shared prefix, own rows).
// queries: [B, H*D] rows may be strided (a slice of qkv) -> [B, H*D].
at::Tensor cached_attention(const at::Tensor& queries,
                            std::span<const std::vector<KeyRange>> ranges, const HeadShape& shape);

// A projection on the vocabulary. gradient is the float32 place dW is added to; undefined: frozen.
struct LinearHead {
  at::Tensor weight;    // [V, C] compute dtype
  at::Tensor gradient;  // [V, C] float32 or undefined
};

struct CrossEntropy {
  at::Tensor loss;     // scalar float32: sum of weight * NLL, differentiable in hidden and the head
  at::Tensor nll;      // [M] float32, -log p(target), no gradient
  at::Tensor correct;  // [M] bool, target is the argmax, no gradient
};
// Chunked over entries: never more than a few hundred rows of logits exist. dH and dW are made in
// forward when gradients are on. hidden: [N, C].
CrossEntropy linear_cross_entropy(const at::Tensor& hidden, const LinearHead& head,
                                  std::span<const LossEntry> entries);

struct TokenLogprobs {
  at::Tensor logprobs;    // [M] float32, log p(target), differentiable
  at::Tensor entropy;     // [M] float32, of the whole distribution, differentiable
  at::Tensor correct;     // [M] bool
  at::Tensor mean_logit;  // [M] float32, mean over the vocabulary, no gradient
};
// Of softmax(logits / temperature). Weights of entries are not used. Backward recomputes the
// logits.
TokenLogprobs token_logprobs(const at::Tensor& hidden, const LinearHead& head,
                             std::span<const LossEntry> entries, double temperature = 1.0);

// hidden: [N, C], head.weight: [1, C] -> [M] float32, differentiable: one scalar per row.
at::Tensor scalar_head(const at::Tensor& hidden, const LinearHead& head,
                       std::span<const int32_t> rows);

}  // namespace lehr::lm
