#include "lm/kv_cache.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <cstring>

namespace lehr::lm {

KvCache::KvCache(const ModelConfig& config, Precision precision, int64_t slots, int64_t rows)
    : slots_(slots),
      rows_(rows),
      query_width_(config.heads * config.head_dim),
      key_width_(config.kv_heads * config.head_dim),
      element_bytes_(precision == Precision::kBf16 ? 2 : 4) {
  const auto dtype = precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat;
  for (int64_t i = 0; i < config.layers; ++i)
    layers_.push_back(at::empty({slots, rows, 2 * key_width_}, dtype));
}

std::byte* KvCache::at(int64_t layer, int64_t slot, int64_t row) const {
  auto* base = static_cast<std::byte*>(layers_[static_cast<size_t>(layer)].data_ptr());
  return base + (slot * rows_ + row) * 2 * key_width_ * element_bytes_;
}

void KvCache::write(int64_t layer, int64_t slot, int64_t row, const at::Tensor& qkv, int64_t first,
                    int64_t count) {
  TORCH_CHECK(slot < slots_ && row + count <= rows_, "key/value cache: row ", row + count,
              " of slot ", slot, " is outside [", slots_, ", ", rows_, "]");
  TORCH_CHECK(qkv.element_size() == element_bytes_ && qkv.stride(1) == 1,
              "key/value cache: qkv has another dtype or layout");
  const auto* base = static_cast<const std::byte*>(qkv.data_ptr());
  const auto bytes = static_cast<size_t>(2 * key_width_ * element_bytes_);
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(at(layer, slot, row + i),
                base + ((first + i) * qkv.stride(0) + query_width_) * element_bytes_, bytes);
}

KeyRange KvCache::range(int64_t layer, int64_t slot, int64_t count) const {
  const std::byte* keys = at(layer, slot, 0);
  return {keys, keys + key_width_ * element_bytes_, count, 2 * key_width_};
}

}  // namespace lehr::lm
