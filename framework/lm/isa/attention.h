// Attention of one segment under one key/value head. Keys are the prefix rows followed by the own
// rows; own row i sees keys [0, prefix + i]. Keys and values are first packed as tile_product.h
// wants them, so that every product runs at register-tile speed; a block of kBlock queries holds
// its whole row of scores (segments are short: 20 to a few thousand tokens), so softmax needs no
// running rescale. Products are of float32 or, where the processor multiplies them, of bfloat16:
// then P and dS are rounded to it, as FlashAttention does.
// Legend: S scores, P probabilities, O output, L log-sum-exp; D head width, Dp and Tp padded to 16.
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

// Queries of the block behind the one that begins at q0.
LEHR_INLINE int64_t next_count(int64_t q0, int64_t own) {
  const int64_t left = own - q0 - kBlock;
  return left < 0 ? 0 : left < kBlock ? left : kBlock;
}

template <class T>
void attention(const AttentionTask& task) {
  using E = typename Operand<T>::Element;
  constexpr int64_t kPer = Operand<T>::kPer;
  const int64_t d = task.head_dim, dp = up16(d), columns = dp / kPer;
  const int64_t prefix = task.prefix_end - task.prefix_begin;
  const int64_t own = task.end - task.begin, keys = prefix + own, tp = up16(keys);
  const int64_t stride = (task.heads + 2 * task.kv_heads) * d;
  const int64_t group = task.heads / task.kv_heads;
  const T* qkv = static_cast<const T*>(task.qkv);

  E* values = reinterpret_cast<E*>(task.scratch);                      // down: [Tp / kPer, Dp]
  E* keys_t = values + tp * columns;                                   // across: [Dp / kPer, Tp]
  E* query = keys_t + tp * columns;                                    // along: [kBlock, Dp / kPer]
  float* output = task.scratch + 2 * tp * columns + kBlock * columns;  // [kBlock, Dp]
  float* scores = output + kBlock * dp;                                // [kBlock, Tp], then P
  pack_across(task, qkv + (task.heads + task.kv_head) * d, stride, keys, keys_t, columns, tp);
  pack_down(task, qkv + (task.heads + task.kv_heads + task.kv_head) * d, stride, keys, values, dp,
            tp);

  for (int64_t g = 0; g < group; ++g) {
    const int64_t head = task.kv_head * group + g;
    for (int64_t q0 = 0; q0 < own; q0 += kBlock) {
      const int64_t count = q0 + kBlock < own ? kBlock : own - q0, rows = up_rows(count);
      const int64_t visible = prefix + q0 + count, vp = up16(visible);
      const T* q = qkv + (task.begin + q0) * stride + head * d;
      fetch_rows(q + count * stride, stride, next_count(q0, own), d);
      block_along(q, stride, count, d, columns, query);
      product(rows, vp, columns, query, columns, 1, keys_t, tp, scores, tp, false);
      float inverse[kBlock];
      for (int64_t i = 0; i < count; ++i) {
        float* s = scores + i * tp;
        const int64_t seen = prefix + q0 + i + 1;
        float top = s[0];
#pragma omp simd reduction(max : top)
        for (int64_t t = 0; t < seen; ++t) top = s[t] > top ? s[t] : top;
        float total = 0;
#pragma omp simd reduction(+ : total)
        for (int64_t t = 0; t < seen; ++t) {
          s[t] = exponential((s[t] - top) * task.scale);
          total += s[t];
        }
        for (int64_t t = seen; t < vp; ++t) s[t] = 0;
        inverse[i] = 1.0f / total;
        if (task.logsumexp) {
          task.logsumexp[head * task.rows + task.begin + q0 + i] = top * task.scale + logf(total);
        }
      }
      fill_zero(scores + count * tp, (rows - count) * tp);
      product(rows, dp, (visible + kPer - 1) / kPer, rows_along(scores, rows, vp, tp, values), tp,
              1, values, dp, output, dp, false);
      for (int64_t i = 0; i < count; ++i) {
        T* out = static_cast<T*>(task.out) + (task.begin + q0 + i) * task.heads * d + head * d;
#pragma omp simd
        for (int64_t c = 0; c < d; ++c) put(out[c], output[i * dp + c] * inverse[i]);
      }
    }
  }
}

// dV = P^T dO; dP = dO V^T; dS = P * (dP - rowsum(dO * O)); dQ = scale dS K; dK = scale dS^T Q.
// (FlashAttention-2, Dao 2023, section 3.2.)
template <class T>
void attention_backward(const AttentionTask& task, const AttentionGradient& gradient) {
  using E = typename Operand<T>::Element;
  constexpr int64_t kPer = Operand<T>::kPer;
  const int64_t d = task.head_dim, dp = up16(d), columns = dp / kPer;
  const int64_t prefix = task.prefix_end - task.prefix_begin;
  const int64_t own = task.end - task.begin, keys = prefix + own, tp = up16(keys);
  const int64_t stride = (task.heads + 2 * task.kv_heads) * d;
  const int64_t group = task.heads / task.kv_heads;
  const T* qkv = static_cast<const T*>(task.qkv);
  const T* key_rows = qkv + (task.heads + task.kv_head) * d;

  // First what is float32 whatever E is; kernels.cpp says how much there is.
  float* d_keys = task.scratch;                                   // [Tp, Dp]
  float* d_values = d_keys + tp * dp;                             // [Tp, Dp]
  float* d_query = d_values + tp * dp;                            // [kBlock, Dp]
  float* scores = d_query + kBlock * dp;                          // [kBlock, Tp], then P
  float* d_scores = scores + kBlock * tp;                         // [kBlock, Tp], dP then dS
  E* packed_keys = reinterpret_cast<E*>(d_scores + kBlock * tp);  // down: [Tp / kPer, Dp]
  E* keys_t = packed_keys + tp * columns;                         // across: [Dp / kPer, Tp]
  E* values_t = keys_t + tp * columns;                            // across: [Dp / kPer, Tp]
  E* query = values_t + tp * columns;                             // along: [kBlock, Dp / kPer]
  E* d_out = query + kBlock * columns;                            // along: [kBlock, Dp / kPer]
  E* query_room = d_out + kBlock * columns;       // the rest only where E is a pair: down
  E* d_out_room = query_room + kBlock * columns;  // [kBlock / kPer, Dp], as the one before it
  E* sums_room = d_out_room + kBlock * columns;   // [kBlock / kPer, Tp]
  pack_across(task, qkv + (task.heads + task.kv_heads + task.kv_head) * d, stride, keys, values_t,
              columns, tp);
  pack_across(task, key_rows, stride, keys, keys_t, columns, tp);
  pack_down(task, key_rows, stride, keys, packed_keys, dp, tp);
  fill_zero(d_keys, tp * dp);
  fill_zero(d_values, tp * dp);

  for (int64_t g = 0; g < group; ++g) {
    const int64_t head = task.kv_head * group + g;
    for (int64_t q0 = 0; q0 < own; q0 += kBlock) {
      const int64_t count = q0 + kBlock < own ? kBlock : own - q0, rows = up_rows(count);
      const int64_t visible = prefix + q0 + count, vp = up16(visible);
      const int64_t first = task.begin + q0, out_stride = task.heads * d;
      const T* q = qkv + first * stride + head * d;
      const T* d_o = static_cast<const T*>(gradient.d_out) + first * out_stride + head * d;
      const T* out = static_cast<const T*>(task.out) + first * out_stride + head * d;
      const int64_t next = next_count(q0, own);
      fetch_rows(q + count * stride, stride, next, d);
      fetch_rows(d_o + count * out_stride, out_stride, next, d);
      fetch_rows(out + count * out_stride, out_stride, next, d);
      block_along(q, stride, count, d, columns, query);
      block_along(d_o, out_stride, count, d, columns, d_out);
      product(rows, vp, columns, query, columns, 1, keys_t, tp, scores, tp, false);
      product(rows, vp, columns, d_out, columns, 1, values_t, tp, d_scores, tp, false);
      for (int64_t i = 0; i < count; ++i) {
        float* p = scores + i * tp;
        float* ds = d_scores + i * tp;
        float delta = 0;
#pragma omp simd reduction(+ : delta)
        for (int64_t c = 0; c < d; ++c)
          delta += get(d_o[i * out_stride + c]) * get(out[i * out_stride + c]);
        const float lse = task.logsumexp[head * task.rows + first + i];
        const int64_t seen = prefix + q0 + i + 1;
#pragma omp simd
        for (int64_t t = 0; t < seen; ++t) {
          p[t] = exponential(p[t] * task.scale - lse);
          ds[t] = p[t] * (ds[t] - delta);
        }
        for (int64_t t = seen; t < vp; ++t) p[t] = ds[t] = 0;
      }
      fill_zero(scores + count * tp, (rows - count) * tp);
      fill_zero(d_scores + count * tp, (rows - count) * tp);
      const int64_t steps = (count + kPer - 1) / kPer;
      product(vp, dp, steps, rows_down(scores, count, vp, tp, sums_room), 1, tp,
              block_down(d_o, out_stride, count, d, dp, d_out, d_out_room), dp, d_values, dp, true);
      product(vp, dp, steps, rows_down(d_scores, count, vp, tp, sums_room), 1, tp,
              block_down(q, stride, count, d, dp, query, query_room), dp, d_keys, dp, true);
      product(rows, dp, (visible + kPer - 1) / kPer,
              rows_along(d_scores, rows, vp, tp, packed_keys), tp, 1, packed_keys, dp, d_query, dp,
              false);
      for (int64_t i = 0; i < count; ++i) {
        T* to = static_cast<T*>(gradient.d_qkv) + (first + i) * stride + head * d;
#pragma omp simd
        for (int64_t c = 0; c < d; ++c) put(to[c], d_query[i * dp + c] * task.scale);
      }
    }
  }
  for (int64_t t = 0; t < keys; ++t) {
#pragma omp simd
    for (int64_t c = 0; c < d; ++c) {
      gradient.d_keys[t * d + c] = d_keys[t * dp + c] * task.scale;
      gradient.d_values[t * d + c] = d_values[t * dp + c];
    }
  }
}

constexpr int kKeysTogether = 4;

// query . key of kKeys keys that are `stride` elements apart, times scale.
template <class T, int kKeys>
LEHR_INLINE void scores_of(const T* query, const T* key, int64_t stride, int64_t head_dim,
                           float scale, float* scores) {
  Vector sum[kKeys] = {};
  const int64_t whole = head_dim / kLanes * kLanes;
  for (int64_t c = 0; c < whole; c += kLanes) {
    const Vector q = load_vector(query + c);
#pragma GCC unroll 4
    for (int i = 0; i < kKeys; ++i) sum[i] += q * load_vector(key + i * stride + c);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kKeys; ++i) {
    float dot = halved_sum(sum[i]);
    for (int64_t c = whole; c < head_dim; ++c) dot += get(query[c]) * get(key[i * stride + c]);
    scores[i] = dot * scale;
  }
}

// accumulator += p[i] * value i, in their order.
template <class T, int kValues>
LEHR_INLINE void add_values(const float* p, const T* value, int64_t stride, int64_t head_dim,
                            float* accumulator) {
  const int64_t whole = head_dim / kLanes * kLanes;
  for (int64_t c = 0; c < whole; c += kLanes) {
    Vector sum = load_vector(accumulator + c);
#pragma GCC unroll 4
    for (int i = 0; i < kValues; ++i) sum += p[i] * load_vector(value + i * stride + c);
    *reinterpret_cast<UnalignedVector*>(accumulator + c) = sum;
  }
  for (int64_t c = whole; c < head_dim; ++c)
    for (int i = 0; i < kValues; ++i) accumulator[c] += p[i] * get(value[i * stride + c]);
}

template <class T>
void attend_range(const void* query_, const void* keys_, const void* values_, int64_t count,
                  int64_t stride, int64_t head_dim, float scale, float* scores, float* maximum,
                  float* total, float* accumulator) {
  const T* query = static_cast<const T*>(query_);
  const T* keys = static_cast<const T*>(keys_);
  const T* values = static_cast<const T*>(values_);
  const int64_t together = count / kKeysTogether * kKeysTogether;
  for (int64_t t = 0; t < together; t += kKeysTogether)
    scores_of<T, kKeysTogether>(query, keys + t * stride, stride, head_dim, scale, scores + t);
  for (int64_t t = together; t < count; ++t)
    scores_of<T, 1>(query, keys + t * stride, stride, head_dim, scale, scores + t);
  float top = *maximum;
  for (int64_t t = 0; t < count; ++t) top = scores[t] > top ? scores[t] : top;
  const float shrink = exponential(*maximum - top);
#pragma omp simd
  for (int64_t c = 0; c < head_dim; ++c) accumulator[c] *= shrink;
  float sum = *total * shrink;
#pragma omp simd reduction(+ : sum)
  for (int64_t t = 0; t < count; ++t) {
    scores[t] = exponential(scores[t] - top);
    sum += scores[t];
  }
  for (int64_t t = 0; t < together; t += kKeysTogether)
    add_values<T, kKeysTogether>(scores + t, values + t * stride, stride, head_dim, accumulator);
  for (int64_t t = together; t < count; ++t)
    add_values<T, 1>(scores + t, values + t * stride, stride, head_dim, accumulator);
  *maximum = top;
  *total = sum;
}

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
