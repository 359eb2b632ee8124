#include "lm/row_sum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <span>

#include "lm/device.h"
#include "lm/parallel.h"
#include "lm/tensor_kernels.h"

namespace lehr::lm {
namespace {

bool ascending(std::span<const int32_t> rows) {
  return std::ranges::adjacent_find(rows, std::ranges::greater_equal()) == rows.end();
}

}  // namespace

at::Tensor gather_rows(const at::Tensor& hidden, const std::vector<int32_t>& rows) {
  const int64_t count = static_cast<int64_t>(rows.size());
  bool consecutive = true;
  for (size_t i = 1; i < rows.size() && consecutive; ++i) {
    consecutive = rows[i] == rows[i - 1] + 1;
  }
  if (consecutive && count > 0) return hidden.narrow(0, rows[0], count);
  if (through_aten(hidden)) return at::index_select(hidden, 0, indices(rows, hidden.device()));
  at::Tensor out = at::empty({count, hidden.size(1)}, hidden.options());
  const size_t bytes = static_cast<size_t>(hidden.size(1) * hidden.element_size());
  parallel_blocks(count, kRowBlock, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::memcpy(row(out, i), row(hidden, rows[static_cast<size_t>(i)]), bytes);
    }
  });
  return out;
}

RowSum::RowSum(const at::Tensor& hidden)
    : sum_(at::zeros(hidden.sizes(), hidden.options().dtype(at::kFloat))),
      dtype_(hidden.scalar_type()) {}

void RowSum::add(const std::vector<int32_t>& rows, int64_t first, const at::Tensor& gradient) {
  const std::span<const int32_t> these(rows.data() + first, static_cast<size_t>(gradient.size(0)));
  if (!through_aten(gradient) || !ascending(these))
    return accumulate_embedding_gradient(gradient, these, sum_);
  const EachOnce unordered;
  sum_.index_add_(0, indices(these, sum_.device()), gradient.to(at::kFloat));
}

at::Tensor RowSum::scaled(float scale) const {
  if (through_aten(sum_)) return (sum_ * scale).to(dtype_);
  at::Tensor out = at::empty(sum_.sizes(), sum_.options().dtype(dtype_));
  const Kernels& k = kernels_for(out);
  const int64_t width = sum_.size(1);
  parallel_blocks(sum_.size(0), kRowBlock, [&](int64_t begin, int64_t end) {
    k.store_scaled(sum_.data_ptr<float>() + begin * width, scale, row(out, begin),
                   (end - begin) * width);
  });
  return out;
}

}  // namespace lehr::lm
