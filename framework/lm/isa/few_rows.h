// Products of a few rows with a matrix, as decoding makes them: the matrix is read once, as it
// lies. Each sum runs over k in vectors and then over their lanes, whatever stands beside it, so
// that an answer does not depend on how many are made with it.
#pragma once

#include "lm/isa/pair_dots.h"
#include "lm/isa/tile_product.h"

namespace lehr::lm::LEHR_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kOutTile = 4;
#else
constexpr int kOutTile = 2;
#endif
constexpr int kFewRowTile = 4;
constexpr int kReadAhead = 4;  // rows of the matrix

LEHR_INLINE float sum_of_lanes(Vector x) {
  float out = 0;
  for (int i = 0; i < kLanes; ++i) out += x[i];
  return out;
}

// Rows of the matrix are read one after the other, as processors foresee, or, once they are in the
// cache, side by side.
template <class T, int kRows, int kOuts, int kTogether>
LEHR_INLINE void few_rows_tile(const float* x, const T* w, float* y, int64_t k, int64_t y_row) {
  Vector sum[kRows][kOuts] = {};
  const int64_t whole = k / kLanes * kLanes;
#pragma GCC unroll 4
  for (int first = 0; first < kOuts; first += kTogether) {
    for (int64_t p = 0; p < whole; p += kLanes) {
      if (kTogether == 1) __builtin_prefetch(w + (first + kReadAhead) * k + p);
#pragma GCC unroll 4
      for (int j = first; j < first + kTogether; ++j) {
        const Vector weight = load_vector(w + j * k + p);
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) sum[i][j] += load_vector(x + i * k + p) * weight;
      }
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
  int64_t i = rows >= kFewRowTile ? kFewRowTile : 1;
  if (i == kFewRowTile)
    few_rows_tile<T, kFewRowTile, kOuts, 1>(x, w, y, k, y_row);
  else
    few_rows_tile<T, 1, kOuts, 1>(x, w, y, k, y_row);
  for (; i + kFewRowTile <= rows; i += kFewRowTile)
    few_rows_tile<T, kFewRowTile, kOuts, kOuts>(x + i * k, w, y + i * y_row, k, y_row);
  for (; i < rows; ++i) few_rows_tile<T, 1, kOuts, kOuts>(x + i * k, w, y + i * y_row, k, y_row);
}

template <class T>
void few_rows(const void* x_, const void* w_, float* y, int64_t rows, int64_t k, int64_t outs,
              int64_t y_row) {
  const float* x = static_cast<const float*>(x_);
  const T* w = static_cast<const T*>(w_);
  int64_t j = 0;
  for (; j + kOutTile <= outs; j += kOutTile)
    few_rows_block<T, kOutTile>(x, w + j * k, y + j, rows, k, y_row);
  for (; j < outs; ++j) few_rows_block<T, 1>(x, w + j * k, y + j, rows, k, y_row);
}

template <class T>
void few_rows_input(const void* x, void* to, int64_t count) {
  const T* from = static_cast<const T*>(x);
  float* wide = static_cast<float*>(to);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) wide[i] = get(from[i]);
}

#if defined(__AVX512BF16__)
// bfloat16 multiplied in pairs, as it is.
constexpr int kPairRows = 6;

// Few enough that reading the matrix is what takes time: the first tile reads its rows one after
// the other, which processors foresee.
template <int kRows, int kOuts>
LEHR_INLINE void pairs_read(const bf16* x, const bf16* w, float* y, int64_t k, int64_t y_row) {
  pair_dots<kRows, kOuts, 1, 1>(x, k, w, k, k, y, y_row, w + kReadAhead * k);
}
// More: whole tiles, of which each asks for kEach rows that come two blocks later.
template <int kEach, int kOuts>
LEHR_INLINE int64_t pairs_ask(const bf16* x, const bf16* w, float* y, int64_t k, int64_t y_row) {
  int64_t i = 0;
  for (int next = 0; next < kOuts; next += kEach, i += kPairRows)
    pair_dots<kPairRows, kOuts, kOuts, kEach>(x + i * k, k, w, k, k, y + i * y_row, y_row,
                                              w + (2 * kOuts + next) * k);
  return i;
}

template <int kOuts>
LEHR_INLINE void pairs_block(const bf16* x, const bf16* w, float* y, int64_t rows, int64_t k,
                             int64_t y_row) {
  constexpr int kTwo = kOuts < 2 ? kOuts : 2;
  int64_t i = rows >= kPairRows ? kPairRows : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
  if (rows >= 4 * kPairRows)
    i = pairs_ask<1, kOuts>(x, w, y, k, y_row);
  else if (rows >= 2 * kPairRows)
    i = pairs_ask<kTwo, kOuts>(x, w, y, k, y_row);
  else if (i == kPairRows)
    pairs_read<kPairRows, kOuts>(x, w, y, k, y_row);
  else if (i == 4)
    pairs_read<4, kOuts>(x, w, y, k, y_row);
  else if (i == 2)
    pairs_read<2, kOuts>(x, w, y, k, y_row);
  else
    pairs_read<1, kOuts>(x, w, y, k, y_row);
  for (; i + kPairRows <= rows; i += kPairRows)
    pair_dots<kPairRows, kOuts>(x + i * k, k, w, k, k, y + i * y_row, y_row);
  for (; i + 2 <= rows; i += 2) pair_dots<2, kOuts>(x + i * k, k, w, k, k, y + i * y_row, y_row);
  if (i < rows) pair_dots<1, kOuts>(x + i * k, k, w, k, k, y + i * y_row, y_row);
}

template <>
void few_rows<bf16>(const void* x_, const void* w_, float* y, int64_t rows, int64_t k, int64_t outs,
                    int64_t y_row) {
  const bf16* x = static_cast<const bf16*>(x_);
  const bf16* w = static_cast<const bf16*>(w_);
  int64_t j = 0;
  for (; j + 4 <= outs; j += 4) pairs_block<4>(x, w + j * k, y + j, rows, k, y_row);
  for (; j < outs; ++j) pairs_block<1>(x, w + j * k, y + j, rows, k, y_row);
}

template <>
void few_rows_input<bf16>(const void* x, void* to, int64_t count) {
  __builtin_memcpy(to, x, static_cast<size_t>(count) * sizeof(bf16));
}
#endif

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
