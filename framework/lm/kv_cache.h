// Keys and values of the sequences being decoded: for each layer one block [slots, rows, 2 * K * D]
// in the compute dtype, a row's keys beside its values, as they stand in qkv. A slot holds one
// sequence; who uses which slot is the generator's affair.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "lm/config.h"
#include "lm/operators.h"
#include "lm/runtime.h"

namespace lehr::lm {

class KvCache {
 public:
  KvCache(const ModelConfig& config, Precision precision, int64_t slots, int64_t rows);

  int64_t slots() const { return slots_; }
  int64_t rows() const { return rows_; }

  // Copies keys and values of qkv rows [first, first + count) (after rope; [N, (H+2K)*D]) into rows
  // [row, row + count) of the slot.
  void write(int64_t layer, int64_t slot, int64_t row, const at::Tensor& qkv, int64_t first,
             int64_t count);
  // The first `count` rows of the slot. Valid as long as the cache.
  KeyRange range(int64_t layer, int64_t slot, int64_t count) const;

 private:
  std::byte* at(int64_t layer, int64_t slot, int64_t row) const;

  int64_t slots_, rows_;
  int64_t query_width_, key_width_;  // H*D, K*D
  int64_t element_bytes_;
  std::vector<at::Tensor> layers_;
};

}  // namespace lehr::lm
