// One token further for some sequences at a time, on the CPU: the layers of trunk.h by the same
// kernels, in one parallel region. A token of a small model takes a millisecond; to start and end a
// region for each operator, and a tensor for each of its results, would take as long again.
//
// Threads share what products make, and each works out for itself what is small (residual stream,
// norms): that costs less than to wait for another. Bits depend neither on the number of threads
// nor on what else is decoded. B rows, C channels, H query heads, K key/value heads, D head width,
// F feed-forward width, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "lm/kernels.h"
#include "lm/kv_cache.h"
#include "lm/model.h"
#include "lm/parallel.h"

namespace lehr::lm {

class TokenPass {
 public:
  // Whether it does what `model` does: on the CPU by our kernels, without an adapter.
  static bool takes(const Model& model);

  // Both must outlive it.
  TokenPass(const Model& model, KvCache& cache);
  ~TokenPass();

  // How many sequences at most: beyond them, oneDNN's products are quicker.
  int64_t most_rows() const { return most_rows_; }

  // Token ids[i] at positions[i] of the sequence in slots[i]. Their keys and values are written to
  // the cache. -> logits [B, V] float32, until the next call.
  at::Tensor logits(std::span<const int32_t> ids, std::span<const int32_t> positions,
                    std::span<const int64_t> slots);

 private:
  struct Own;  // a thread's own rows
  void work(Own& own, int thread, Meeting& meeting);
  void norm(Own& own, const void* delta, const at::Tensor& weight) const;
  void take(Own& own, const void* rows, int64_t width) const;
  void product(Own& own, const at::Tensor& weight, const at::Tensor& bias, int64_t begin,
               int64_t end, void* to, int64_t to_row) const;
  void gate(Own& own, const LayerWeights& w, int64_t begin, int64_t end);
  void turn_and_keep(const LayerWeights& w, int64_t layer, int64_t row);
  void attend(Own& own, int64_t layer, int64_t row, int64_t head);

  std::byte* at(const at::Tensor& shared, int64_t row, int64_t column) const;

  const Model& model_;
  const ModelConfig& config_;
  KvCache& cache_;
  const HeadShape shape_;
  const at::Tensor head_;  // [V, C]
  const Kernels& kernels_;
  const int64_t bytes_;  // of an element in compute dtype
  const int64_t most_rows_;

  // [most_rows, ...] in compute dtype, shared
  at::Tensor qkv_, attended_, delta_, gated_, head_out_;
  at::Tensor logits_;  // [most_rows, V] float32
  std::vector<Own> own_;

  // Of the call in progress
  std::span<const int32_t> ids_, positions_;
  std::span<const int64_t> slots_;
  at::Tensor angles_;  // [B, D]
  int64_t rows_ = 0;   // B
};

}  // namespace lehr::lm
