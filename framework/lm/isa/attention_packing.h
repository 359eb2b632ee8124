// Queries, keys, values and scores as the products of attention want them.
// An element E holds kPer numbers: a matrix packed "along" has them side by side in a row, [rows,
// columns / kPer]; "down" from kPer rows, [rows / kPer, columns]; "across" is along, transposed.
#pragma once

#include "lm/isa/tile_product.h"

namespace lehr::lm::LEHR_ISA {
namespace {

constexpr int64_t kBlock = 32;

LEHR_INLINE int64_t up16(int64_t x) { return (x + 15) / 16 * 16; }
LEHR_INLINE int64_t up_rows(int64_t x) { return (x + kRowTile - 1) / kRowTile * kRowTile; }

LEHR_INLINE void fill_zero(float* x, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) x[i] = 0;
}

template <class T>
struct Operand {
  using Element = float;
  static constexpr int64_t kPer = 1;
};

// Element c of a row of D numbers; zero beyond them.
template <class T>
LEHR_INLINE float along(const T* row, int64_t c, int64_t d, float*) {
  return c < d ? get(row[c]) : 0.0f;
}
// Column c of the rows that make one element; a null row is zeros.
template <class T>
LEHR_INLINE float down(const T* const* rows, int64_t c, float*) {
  return rows[0] ? get(rows[0][c]) : 0.0f;
}
// Rows of float32, `stride` apart, of which `used` columns matter, packed down into `to`, or along
// in their own place and as far apart as before. Floats are so already.
LEHR_INLINE const float* rows_down(const float* from, int64_t, int64_t, int64_t, float*) {
  return from;
}
LEHR_INLINE const float* rows_along(float* from, int64_t, int64_t, int64_t, const float*) {
  return from;
}
// A block is packed down as it is along.
LEHR_INLINE bool packed_down_already(const float*) { return true; }

#if defined(__AVX512BF16__)
template <>
struct Operand<bf16> {
  using Element = Pair;
  static constexpr int64_t kPer = 2;
};

LEHR_INLINE Pair pair_of(bf16 a, bf16 b) {
  return {static_cast<uint32_t>(a.bits) | static_cast<uint32_t>(b.bits) << 16};
}
LEHR_INLINE Pair along(const bf16* row, int64_t c, int64_t d, Pair*) {
  typedef uint32_t Neighbours __attribute__((aligned(2), may_alias));
  if (2 * c + 1 < d) return {*reinterpret_cast<const Neighbours*>(row + 2 * c)};
  return 2 * c < d ? pair_of(row[2 * c], bf16{0}) : Pair{};
}
LEHR_INLINE Pair down(const bf16* const* rows, int64_t c, Pair*) {
  const bf16 zero{0};
  return pair_of(rows[0] ? rows[0][c] : zero, rows[1] ? rows[1][c] : zero);
}
// As bfloat16, first's lanes and then second's: 16 pairs.
LEHR_INLINE __m512i rounded_pairs(Vector first, Vector second) {
  return reinterpret_cast<__m512i>(
      _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(second), reinterpret_cast<__m512>(first)));
}
// Pairs of a lane of each.
LEHR_INLINE void put_pairs(Pair* to, Vector low, Vector high) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24,
                                         8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi16(order, rounded_pairs(low, high)));
}
// An odd count's last row is paired with the one behind it, which is zero.
LEHR_INLINE const Pair* rows_down(const float* from, int64_t count, int64_t used, int64_t stride,
                                  Pair* to) {
  for (int64_t i = 0; i < count; i += 2)
    for (int64_t t = 0; t < used; t += kLanes)
      put_pairs(to + i / 2 * stride + t, load_vector(from + i * stride + t),
                load_vector(from + (i + 1) * stride + t));
  return to;
}
LEHR_INLINE const Pair* rows_along(float* from, int64_t count, int64_t used, int64_t stride,
                                   const Pair*) {
  for (int64_t i = 0; i < count; ++i) {
    float* row = from + i * stride;
    for (int64_t t = 0; t < used; t += 2 * kLanes) {
      const Vector first = load_vector(row + t);
      const Vector second = t + kLanes < used ? load_vector(row + t + kLanes) : Vector{};
      _mm512_storeu_si512(row + t / 2, rounded_pairs(first, second));
    }
  }
  return reinterpret_cast<const Pair*>(from);
}
LEHR_INLINE bool packed_down_already(const Pair*) { return false; }
#endif

// The row of the batch that key number t is.
LEHR_INLINE int64_t key_row(const AttentionTask& task, int64_t t) {
  const int64_t prefix = task.prefix_end - task.prefix_begin;
  return t < prefix ? task.prefix_begin + t : task.begin + t - prefix;
}

// Asks memory for what will be read soon: D numbers each of `count` rows, which lie too far apart
// for processors to foresee.
template <class T>
LEHR_INLINE void fetch_rows(const T* rows, int64_t stride, int64_t count, int64_t d) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t c = 0; c < d; c += kLine) __builtin_prefetch(rows + i * stride + c);
}
constexpr int64_t kAhead = 32;  // keys
template <class T>
LEHR_INLINE void fetch_key(const AttentionTask& task, const T* first, int64_t stride, int64_t t,
                           int64_t keys) {
  if (t < keys) fetch_rows(first + key_row(task, t) * stride, 0, 1, task.head_dim);
}

// Keys or values -> [Dp / kPer, Tp], padded with zeros.
template <class T, class E>
void pack_across(const AttentionTask& task, const T* first, int64_t stride, int64_t keys, E* to,
                 int64_t columns, int64_t padded_keys) {
  for (int64_t t0 = 0; t0 < padded_keys; t0 += 16) {
    const int64_t count = t0 + 16 < keys ? 16 : keys - t0;
    const T* rows[16];
    for (int64_t t = 0; t < count; ++t) {
      rows[t] = first + key_row(task, t0 + t) * stride;
      fetch_key(task, first, stride, t0 + t + kAhead, keys);
    }
    for (int64_t c = 0; c < columns; ++c) {
      E* column = to + c * padded_keys + t0;
      for (int64_t t = 0; t < count; ++t) column[t] = along(rows[t], c, task.head_dim, to);
      for (int64_t t = count; t < 16; ++t) column[t] = E{};
    }
  }
}

// Keys or values -> [Tp / kPer, Dp], padded with zeros.
template <class T, class E>
void pack_down(const AttentionTask& task, const T* first, int64_t stride, int64_t keys, E* to,
               int64_t padded, int64_t padded_keys) {
  constexpr int64_t kPer = Operand<T>::kPer;
  for (int64_t t = 0; t < padded_keys; t += kPer) {
    const T* rows[kPer];
    for (int64_t i = 0; i < kPer; ++i) {
      rows[i] = t + i < keys ? first + key_row(task, t + i) * stride : nullptr;
      fetch_key(task, first, stride, t + i + kAhead, keys);
    }
    E* row = to + t / kPer * padded;
#pragma omp simd
    for (int64_t c = 0; c < task.head_dim; ++c) row[c] = down(rows, c, to);
    for (int64_t c = task.head_dim; c < padded; ++c) row[c] = E{};
  }
}

// `count` rows of a [N, stride] buffer, packed along: [up_rows(count), columns], padded with zeros.
template <class T, class E>
void block_along(const T* rows, int64_t stride, int64_t count, int64_t d, int64_t columns, E* to) {
  const int64_t whole = d / Operand<T>::kPer;
  for (int64_t i = 0; i < count; ++i) {
    const T* from = rows + i * stride;
    E* row = to + i * columns;
#pragma omp simd
    for (int64_t c = 0; c < whole; ++c) row[c] = along(from, c, d, to);
    for (int64_t c = whole; c < columns; ++c) row[c] = along(from, c, d, to);
  }
  for (int64_t i = count * columns; i < up_rows(count) * columns; ++i) to[i] = E{};
}

// The same packed down, [rows / kPer, Dp]: in `to`, or what is packed along already.
template <class T, class E>
const E* block_down(const T* rows, int64_t stride, int64_t count, int64_t d, int64_t padded,
                    const E* packed_along, E* to) {
  if (packed_down_already(packed_along)) return packed_along;
  constexpr int64_t kPer = Operand<T>::kPer;
  for (int64_t i = 0; i < count; i += kPer) {
    const T* from[kPer];
    for (int64_t j = 0; j < kPer; ++j) from[j] = i + j < count ? rows + (i + j) * stride : nullptr;
    E* row = to + i / kPer * padded;
#pragma omp simd
    for (int64_t c = 0; c < d; ++c) row[c] = down(from, c, to);
    for (int64_t c = d; c < padded; ++c) row[c] = E{};
  }
  return to;
}

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
