// Products of a few rows with a matrix, as decoding makes them: what takes time is to read the
// matrix, once. Each sum runs over k in vectors and then over their lanes, whatever stands beside
// it, so that an answer does not depend on how many are made with it.
#pragma once

#include "lm/isa/tile_product.h"

namespace lehr::lm::LEHR_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kOutTile = 4;
#else
constexpr int kOutTile = 2;
#endif
constexpr int kFewRowTile = 4;

LEHR_INLINE float sum_of_lanes(Vector x) {
  float out = 0;
  for (int i = 0; i < kLanes; ++i) out += x[i];
  return out;
}

template <class T, int kRows, int kOuts>
LEHR_INLINE void few_rows_tile(const float* x, const T* w, float* y, int64_t k, int64_t y_row) {
  Vector sum[kRows][kOuts] = {};
  const int64_t whole = k / kLanes * kLanes;
  for (int64_t p = 0; p < whole; p += kLanes) {
#pragma GCC unroll 4
    for (int j = 0; j < kOuts; ++j) {
      // Rows of the matrix are too short for the processor to foresee the next ones.
      __builtin_prefetch(w + (j + 2 * kOuts) * k + p);
      const Vector weight = load_vector(w + j * k + p);
#pragma GCC unroll 4
      for (int i = 0; i < kRows; ++i) sum[i][j] += load_vector(x + i * k + p) * weight;
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kOuts; ++j) {
      float out = sum_of_lanes(sum[i][j]);
      for (int64_t p = whole; p < k; ++p) out += x[i * k + p] * get(w[j * k + p]);
      y[i * y_row + j] = out;
    }
  }
}

template <class T, int kOuts>
LEHR_INLINE void few_rows_block(const float* x, const T* w, float* y, int64_t rows, int64_t k,
                                int64_t y_row) {
  int64_t i = 0;
  for (; i + kFewRowTile <= rows; i += kFewRowTile)
    few_rows_tile<T, kFewRowTile, kOuts>(x + i * k, w, y + i * y_row, k, y_row);
  for (; i < rows; ++i) few_rows_tile<T, 1, kOuts>(x + i * k, w, y + i * y_row, k, y_row);
}

template <class T>
void few_rows(const float* x, const void* w_, float* y, int64_t rows, int64_t k, int64_t outs,
              int64_t y_row) {
  const T* w = static_cast<const T*>(w_);
  int64_t j = 0;
  for (; j + kOutTile <= outs; j += kOutTile)
    few_rows_block<T, kOutTile>(x, w + j * k, y + j, rows, k, y_row);
  for (; j < outs; ++j) few_rows_block<T, 1>(x, w + j * k, y + j, rows, k, y_row);
}

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
