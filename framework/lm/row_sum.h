// Rows gathered from hidden states for a head, and their gradients summed back. A row may be used
// by several entries (the last prompt token predicts the first token of every answer), so sums run
// in float32, in the order of entries.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace lehr::lm {

// hidden [N, C] at rows [M] -> [M, C]; a view where the rows are consecutive.
at::Tensor gather_rows(const at::Tensor& hidden, const std::vector<int32_t>& rows);

class RowSum {
 public:
  // For hidden states [N, C] like `hidden`.
  explicit RowSum(const at::Tensor& hidden);
  // sum[rows[first + i]] += gradient[i]; gradient: [m, C] compute dtype.
  void add(const std::vector<int32_t>& rows, int64_t first, const at::Tensor& gradient);
  // [N, C] compute dtype: sum * scale.
  at::Tensor scaled(float scale) const;

 private:
  at::Tensor sum_;  // [N, C] float32
  at::ScalarType dtype_;
};

}  // namespace lehr::lm
