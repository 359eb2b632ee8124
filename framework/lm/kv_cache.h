// Keys and values of the sequences being decoded, in the compute dtype: for each layer one block
// [slots, 2, K, rows, D], where a head's keys lie end to end and its values likewise, so that the
// processor foresees what is read next; through ATen [slots, rows, 2, K, D], as they stand in qkv.
// A slot holds one sequence; who uses which slot is the generator's affair.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "lm/aten_attention.h"
#include "lm/config.h"
#include "lm/operators.h"
#include "lm/runtime.h"

namespace lehr::lm {

class KvCache {
 public:
  KvCache(const ModelConfig& config, Precision precision, int64_t slots, int64_t rows);

  int64_t slots() const { return slots_; }
  int64_t rows() const { return rows_; }

  // Rows [first, first + count) of a batch are kept as rows [row, row + count) of a slot.
  struct Run {
    int64_t slot, row, first, count;
  };
  // Where rows of a batch go, for all layers; no place is named twice.
  struct Placement {
    std::vector<Run> runs;
    at::Tensor from, to;  // through ATen: the rows one by one, int64
  };
  Placement place(std::vector<Run> runs) const;
  // Copies keys and values of qkv (after rope; [N, (H+2K)*D]).
  void write(int64_t layer, const at::Tensor& qkv, const Placement& placement);

  // Query i of a decoding step looks at the first counts[i] rows of slots[i].
  struct View {
    std::vector<int32_t> slots, counts;
    std::optional<aten::CachedRows> rows;  // through ATen
  };
  View view(std::vector<int32_t> slots, std::vector<int32_t> counts) const;
  // queries: [B, H*D], rows may be strided -> [B, H*D].
  at::Tensor attend(int64_t layer, const at::Tensor& queries, const View& view) const;

  // A row of a head's keys (values: heads K to 2K), D elements, the next row behind it. Not through
  // ATen.
  std::byte* at(int64_t layer, int64_t slot, int64_t head, int64_t row) const;

 private:
  HeadShape shape_;
  int64_t slots_, rows_;
  int64_t query_width_, key_width_;  // H*D, K*D
  int64_t element_bytes_;
  std::vector<at::Tensor> layers_;
};

}  // namespace lehr::lm
