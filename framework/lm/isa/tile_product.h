// The small matrix product attention is made of: C (m x n) = or += A (m x k) * B (k x n), sums in
// float32. A is read element by element through two strides (so it may be transposed), B and C by
// vectors: m is a multiple of kRowTile, n of 16, both padded by the caller. Tiles live in
// registers. Elements are float32 or, where there is an instruction for their product, pairs of
// bfloat16: two neighbours along k.
#pragma once

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "lm/isa/scalar.h"

namespace lehr::lm::LEHR_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kRowTile = 8;
constexpr int kVectorTile = 2;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kRowTile = 4;
constexpr int kVectorTile = 2;
#else
constexpr int kLanes = 4;
constexpr int kRowTile = 4;
constexpr int kVectorTile = 2;
#endif

typedef float Vector __attribute__((vector_size(kLanes * 4)));
typedef float UnalignedVector __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

LEHR_INLINE Vector load_vector(const float* x) {
  return *reinterpret_cast<const UnalignedVector*>(x);
}
LEHR_INLINE Vector load_vector(const bf16* x) {
  // By name where there is an instruction: compilers take two halves and put them together.
#if defined(__AVX512F__)
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
  return reinterpret_cast<Vector>(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
#elif defined(__AVX2__)
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
  return reinterpret_cast<Vector>(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
#else
  Vector out;
  for (int i = 0; i < kLanes; ++i) out[i] = get(x[i]);
  return out;
#endif
}

// The lanes' sum, half upon half, as compilers sum a vector.
LEHR_INLINE float halved_sum(Vector x) {
#if defined(__AVX512F__)
  const auto eight = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
#elif defined(__AVX2__)
  const Vector eight = x;
#endif
#if defined(__AVX2__)
  const auto four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                    __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#else
  const Vector four = x;
#endif
  return (four[0] + four[2]) + (four[1] + four[3]);
}

LEHR_INLINE Vector add_product(Vector sum, float left, Vector right) { return sum + left * right; }

#if defined(__AVX512BF16__)
struct __attribute__((may_alias)) Pair {
  uint32_t bits;  // the first in the lower half
};
typedef uint32_t PairVector __attribute__((vector_size(kLanes * 4)));
typedef uint32_t UnalignedPairVector
    __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

LEHR_INLINE PairVector load_vector(const Pair* x) {
  return *reinterpret_cast<const UnalignedPairVector*>(x);
}
LEHR_INLINE Vector add_product(Vector sum, Pair left, PairVector right) {
  return reinterpret_cast<Vector>(
      _mm512_dpbf16_ps(reinterpret_cast<__m512>(sum),
                       reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(left.bits))),
                       reinterpret_cast<__m512bh>(right)));
}
#endif

template <int kVectors, class E>
LEHR_INLINE void tile(int64_t k, const E* a, int64_t a_row, int64_t a_column, const E* b,
                      int64_t b_row, float* c, int64_t c_row, bool add) {
  Vector sum[kRowTile][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRowTile; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      sum[i][j] = Vector{};
      if (add) sum[i][j] = *reinterpret_cast<UnalignedVector*>(c + i * c_row + j * kLanes);
    }
  }
  for (int64_t p = 0; p < k; ++p) {
    decltype(load_vector(b)) right[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) right[j] = load_vector(b + p * b_row + j * kLanes);
#pragma GCC unroll 8
    for (int i = 0; i < kRowTile; ++i) {
      const E left = a[i * a_row + p * a_column];
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) sum[i][j] = add_product(sum[i][j], left, right[j]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRowTile; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      *reinterpret_cast<UnalignedVector*>(c + i * c_row + j * kLanes) = sum[i][j];
    }
  }
}

template <class E>
void product(int64_t m, int64_t n, int64_t k, const E* a, int64_t a_row, int64_t a_column,
             const E* b, int64_t b_row, float* c, int64_t c_row, bool add) {
  constexpr int64_t kWide = kLanes * kVectorTile;
  for (int64_t j = 0; j < n;) {
    const bool wide = j + kWide <= n;
    for (int64_t i = 0; i < m; i += kRowTile) {
      if (wide) {
        tile<kVectorTile>(k, a + i * a_row, a_row, a_column, b + j, b_row, c + i * c_row + j, c_row,
                          add);
      } else {
        tile<1>(k, a + i * a_row, a_row, a_column, b + j, b_row, c + i * c_row + j, c_row, add);
      }
    }
    j += wide ? kWide : kLanes;
  }
}

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
