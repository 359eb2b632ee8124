// Element arithmetic of the kernels, written so that the compiler vectorises loops over it:
// bfloat16 conversion with round-to-nearest-even, and an exponential good to 2 ulp.
#pragma once

#include <stdint.h>

#include "lm/kernels.h"

#ifndef LEHR_ISA
#error "only kernels_*.cpp include this"
#endif

#define LEHR_INLINE static inline __attribute__((always_inline))

extern "C" float logf(float);

namespace lehr::lm::LEHR_ISA {
namespace {

struct bf16 {
  uint16_t bits;
};

LEHR_INLINE float get(float x) { return x; }
LEHR_INLINE float get(bf16 x) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(x.bits) << 16);
}

LEHR_INLINE void put(float& place, float x) { place = x; }
LEHR_INLINE void put(bf16& place, float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  // A NaN must not be rounded over into an infinity or a zero.
  const uint32_t quiet = (bits >> 16) | 0x40u;
  place.bits = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

// x after a round trip through the compute dtype.
LEHR_INLINE float rounded(float x, const float*) { return x; }
LEHR_INLINE float rounded(float x, const bf16*) {
  bf16 place;
  put(place, x);
  return get(place);
}

// Cephes expf. Clamped to [-87.3, 88.3]: the smallest result is 1.2e-38, never a denormal; NaN
// stays NaN.
LEHR_INLINE float exponential(float x) {
  float y = x < -87.3f ? -87.3f : x;
  y = y > 88.3f ? 88.3f : y;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = y * 1.44269504f + magic;
  const float n = shifted - magic;
  float r = y - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const uint32_t power = (__builtin_bit_cast(uint32_t, shifted) - 0x4b400000u + 127u) << 23;
  return p * __builtin_bit_cast(float, power);
}

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
