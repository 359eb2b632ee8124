#include "lm/finite.h"

#include <atomic>
#include <cstring>
#include <stdexcept>

#include "lm/parallel.h"

namespace lehr::lm {
namespace {

// Whether one of `count` numbers has all bits of its exponent set.
template <class Bits>
bool any_not_finite(const std::byte* numbers, int64_t count, Bits exponent) {
  std::atomic<bool> any = false;
  parallel_blocks(count, 1 << 20, [&](int64_t begin, int64_t end) {
    int found = 0;
#pragma omp simd reduction(| : found)
    for (int64_t i = begin; i < end; ++i) {
      Bits bits;
      std::memcpy(&bits, numbers + static_cast<size_t>(i) * sizeof bits, sizeof bits);
      found |= (bits & exponent) == exponent;
    }
    if (found != 0) any = true;
  });
  return any;
}

bool is_finite(const TensorEntry& entry) {
  switch (entry.dtype) {
    case DType::kF32:
      return !any_not_finite<uint32_t>(entry.data, entry.elements(), 0x7f800000);
    case DType::kBF16:
      return !any_not_finite<uint16_t>(entry.data, entry.elements(), 0x7f80);
    case DType::kF16:
      return !any_not_finite<uint16_t>(entry.data, entry.elements(), 0x7c00);
    default:
      return true;
  }
}

}  // namespace

void check_finite(const SafetensorsFile& file, const TensorEntry& entry) {
  if (!is_finite(entry))
    throw std::runtime_error(file.path().string() + ": tensor '" + entry.name +
                             "' holds values that are not finite");
}

}  // namespace lehr::lm
