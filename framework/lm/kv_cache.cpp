#include "lm/kv_cache.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <c10/util/Exception.h>

#include <cstring>
#include <utility>

#include "lm/device.h"

namespace lehr::lm {

KvCache::KvCache(const ModelConfig& config, Precision precision, int64_t slots, int64_t rows)
    : shape_{config.heads, config.kv_heads, config.head_dim},
      slots_(slots),
      rows_(rows),
      query_width_(config.heads * config.head_dim),
      key_width_(config.kv_heads * config.head_dim),
      element_bytes_(precision == Precision::kBf16 ? 2 : 4) {
  const auto options =
      at::TensorOptions(device()).dtype(precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat);
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.push_back(at::empty({slots, rows, 2 * key_width_}, options));
    // Through ATen rows that nobody may see are weighed too, with nought.
    if (through_aten(layers_.back())) layers_.back().zero_();
  }
}

std::byte* KvCache::at(int64_t layer, int64_t slot, int64_t head, int64_t row) const {
  auto* base = static_cast<std::byte*>(layers_[static_cast<size_t>(layer)].data_ptr());
  const int64_t heads = 2 * shape_.kv_heads;
  return base + ((slot * heads + head) * rows_ + row) * shape_.head_dim * element_bytes_;
}

KvCache::Placement KvCache::place(std::vector<Run> runs) const {
  Placement placement{std::move(runs), {}, {}};
  for (const Run& run : placement.runs)
    TORCH_CHECK(run.slot < slots_ && run.row + run.count <= rows_, "key/value cache: row ",
                run.row + run.count, " of slot ", run.slot, " is outside [", slots_, ", ", rows_,
                "]");
  if (!through_aten(layers_.front())) return placement;
  std::vector<int32_t> from, to;
  for (const Run& run : placement.runs) {
    for (int64_t i = 0; i < run.count; ++i) {
      from.push_back(static_cast<int32_t>(run.first + i));
      to.push_back(static_cast<int32_t>(run.slot * rows_ + run.row + i));
    }
  }
  placement.from = indices(from, device()).to(at::kLong);
  placement.to = indices(to, device()).to(at::kLong);
  return placement;
}

void KvCache::write(int64_t layer, const at::Tensor& qkv, const Placement& placement) {
  TORCH_CHECK(qkv.element_size() == element_bytes_ && qkv.stride(1) == 1,
              "key/value cache: qkv has another dtype or layout");
  if (placement.to.defined()) {
    const EachOnce unordered;
    layers_[static_cast<size_t>(layer)]
        .view({slots_ * rows_, 2 * key_width_})
        .index_copy_(
            0, placement.to,
            at::index_select(qkv.narrow(1, query_width_, 2 * key_width_), 0, placement.from));
    return;
  }
  const auto* base = static_cast<const std::byte*>(qkv.data_ptr());
  const int64_t bytes = shape_.head_dim * element_bytes_;
  for (const Run& run : placement.runs) {
    for (int64_t i = 0; i < run.count; ++i) {
      const std::byte* from =
          base + ((run.first + i) * qkv.stride(0) + query_width_) * element_bytes_;
      for (int64_t head = 0; head < 2 * shape_.kv_heads; ++head, from += bytes)
        std::memcpy(at(layer, run.slot, head, run.row + i), from, static_cast<size_t>(bytes));
    }
  }
}

KvCache::View KvCache::view(std::vector<int32_t> slots, std::vector<int32_t> counts) const {
  View view{std::move(slots), std::move(counts), {}};
  if (through_aten(layers_.front()))
    view.rows = aten::cached_rows(view.slots, view.counts, rows_, device());
  return view;
}

at::Tensor KvCache::attend(int64_t layer, const at::Tensor& queries, const View& view) const {
  if (view.rows)
    return aten::cached_attention(queries, layers_[static_cast<size_t>(layer)], *view.rows, shape_);
  std::vector<std::vector<KeyRange>> ranges;
  const int64_t d = shape_.head_dim;
  for (size_t i = 0; i < view.slots.size(); ++i)
    ranges.push_back({{at(layer, view.slots[i], 0, 0), at(layer, view.slots[i], shape_.kv_heads, 0),
                       view.counts[i], d, rows_ * d}});
  return cached_attention(queries, ranges, shape_);
}

}  // namespace lehr::lm
