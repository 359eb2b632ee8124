// Dot products of rows with rows, bfloat16 multiplied in pairs, sums in float32, where there is an
// instruction for it. Each sum runs over the columns in vectors and then over their lanes, whatever
// stands beside it.
#pragma once

#include "lm/isa/tile_product.h"

#if defined(__AVX512BF16__)
namespace lehr::lm::LEHR_ISA {
namespace {

LEHR_INLINE __m512bh load_pairs(const bf16* x, __mmask32 which) {
  return reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(which, x));
}

// The sums of the lanes of each.
LEHR_INLINE __m128 four_sums(const __m512* of) {
  const auto halves = [](__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  };
  const __m512d low = _mm512_castps_pd(halves(of[0], of[1])),
                high = _mm512_castps_pd(halves(of[2], of[3]));
  const __m512 all = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)),
                                   _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)));
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}

// y[i, j] = x[i] . w[j], rows of `columns` numbers, x_row, w_row and y_row apart; kOuts, up to
// four, are read kTogether at a time. kAhead rows from `ahead` on, as far apart as those of w, are
// asked for at each time.
template <int kRows, int kOuts, int kTogether = kOuts, int kAhead = 0>
LEHR_INLINE void pair_dots(const bf16* x, int64_t x_row, const bf16* w, int64_t w_row,
                           int64_t columns, float* y, int64_t y_row, const bf16* ahead = nullptr) {
  __m512 sum[kRows][4] = {};
#pragma GCC unroll 4
  for (int first = 0; first < kOuts; first += kTogether) {
    for (int64_t c = 0; c < columns; c += 32) {
      const __mmask32 which =
          columns - c < 32 ? (__mmask32{1} << (columns - c)) - 1 : ~__mmask32{0};
      __m512bh right[kTogether];
#pragma GCC unroll 4
      for (int j = 0; j < kTogether; ++j) {
        right[j] = load_pairs(w + (first + j) * w_row + c, which);
        if (j < kAhead) __builtin_prefetch(ahead + (first + j) * w_row + c);
      }
#pragma GCC unroll 6
      for (int i = 0; i < kRows; ++i) {
        const __m512bh left = load_pairs(x + i * x_row + c, which);
#pragma GCC unroll 4
        for (int j = 0; j < kTogether; ++j)
          sum[i][first + j] = _mm512_dpbf16_ps(sum[i][first + j], left, right[j]);
      }
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i)
    _mm_mask_storeu_ps(y + i * y_row, static_cast<__mmask8>((1 << kOuts) - 1), four_sums(sum[i]));
}

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
#endif
