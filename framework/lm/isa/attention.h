// Attention of one segment under one key/value head. Keys are the prefix rows followed by the own
// rows; own row i sees keys [0, prefix + i]. Keys and values are first unpacked to float32 tiles,
// so that every product runs at register-tile speed; a block of kBlock queries holds its whole row
// of scores (segments are short: 20 to a few thousand tokens), so softmax needs no running rescale.
// Legend: S scores, P probabilities, O output, L log-sum-exp; D head width, Dp and Tp padded to 16.
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

// The row of the batch that key number t is.
LEHR_INLINE int64_t key_row(const AttentionTask& task, int64_t t) {
  const int64_t prefix = task.prefix_end - task.prefix_begin;
  return t < prefix ? task.prefix_begin + t : task.begin + t - prefix;
}

// [keys, Dp], padded with zero columns.
template <class T>
void unpack_keys(const AttentionTask& task, const T* first, int64_t stride, int64_t keys, float* to,
                 int64_t padded) {
  const int64_t d = task.head_dim;
  for (int64_t t = 0; t < keys; ++t) {
    const T* from = first + key_row(task, t) * stride;
    float* row = to + t * padded;
#pragma omp simd
    for (int64_t i = 0; i < d; ++i) row[i] = get(from[i]);
    for (int64_t i = d; i < padded; ++i) row[i] = 0;
  }
}

// [keys, Dp] -> [Dp, Tp], padded with zero columns.
void transpose(const float* from, int64_t keys, int64_t width, float* to, int64_t padded_keys) {
  for (int64_t t0 = 0; t0 < padded_keys; t0 += 16) {
    const int64_t t1 = t0 + 16 < keys ? t0 + 16 : keys;
    for (int64_t i = 0; i < width; ++i) {
      float* row = to + i * padded_keys;
      int64_t t = t0;
      for (; t < t1; ++t) row[t] = from[t * width + i];
      for (; t < t0 + 16; ++t) row[t] = 0;
    }
  }
}

// Rows [row, row + count) of a [N, stride] buffer as [up_rows(count), Dp] float32, times factor.
template <class T>
void unpack_block(const T* first, int64_t stride, int64_t row, int64_t count, int64_t d,
                  int64_t padded, float factor, float* to) {
  for (int64_t i = 0; i < count; ++i) {
    const T* from = first + (row + i) * stride;
#pragma omp simd
    for (int64_t c = 0; c < d; ++c) to[i * padded + c] = get(from[c]) * factor;
    for (int64_t c = d; c < padded; ++c) to[i * padded + c] = 0;
  }
  fill_zero(to + count * padded, (up_rows(count) - count) * padded);
}

template <class T>
void attention(const AttentionTask& task) {
  const int64_t d = task.head_dim, dp = up16(d);
  const int64_t prefix = task.prefix_end - task.prefix_begin;
  const int64_t own = task.end - task.begin, keys = prefix + own, tp = up16(keys);
  const int64_t stride = (task.heads + 2 * task.kv_heads) * d;
  const int64_t group = task.heads / task.kv_heads;
  const T* qkv = static_cast<const T*>(task.qkv);

  float* values = task.scratch;          // [Tp, Dp]; holds the keys until they are transposed
  float* keys_t = values + tp * dp;      // [Dp, Tp]
  float* query = keys_t + dp * tp;       // [kBlock, Dp]
  float* output = query + kBlock * dp;   // [kBlock, Dp]
  float* scores = output + kBlock * dp;  // [kBlock, Tp]
  unpack_keys(task, qkv + (task.heads + task.kv_head) * d, stride, keys, values, dp);
  transpose(values, keys, dp, keys_t, tp);
  unpack_keys(task, qkv + (task.heads + task.kv_heads + task.kv_head) * d, stride, keys, values,
              dp);

  for (int64_t g = 0; g < group; ++g) {
    const int64_t head = task.kv_head * group + g;
    for (int64_t q0 = 0; q0 < own; q0 += kBlock) {
      const int64_t count = q0 + kBlock < own ? kBlock : own - q0;
      const int64_t visible = prefix + q0 + count, vp = up16(visible);
      unpack_block(qkv + head * d, stride, task.begin + q0, count, d, dp, task.scale, query);
      product(up_rows(count), vp, dp, query, dp, 1, keys_t, tp, scores, tp, false);
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
          s[t] = exponential(s[t] - top);
          total += s[t];
        }
        for (int64_t t = seen; t < visible; ++t) s[t] = 0;
        inverse[i] = 1.0f / total;
        if (task.logsumexp) {
          task.logsumexp[head * task.rows + task.begin + q0 + i] = top + logf(total);
        }
      }
      fill_zero(scores + count * tp, (up_rows(count) - count) * tp);
      product(up_rows(count), dp, visible, scores, tp, 1, values, dp, output, dp, false);
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
  const int64_t d = task.head_dim, dp = up16(d);
  const int64_t prefix = task.prefix_end - task.prefix_begin;
  const int64_t own = task.end - task.begin, keys = prefix + own, tp = up16(keys);
  const int64_t stride = (task.heads + 2 * task.kv_heads) * d;
  const int64_t group = task.heads / task.kv_heads;
  const T* qkv = static_cast<const T*>(task.qkv);

  float* key_rows = task.scratch;          // [Tp, Dp]
  float* keys_t = key_rows + tp * dp;      // [Dp, Tp]
  float* values_t = keys_t + dp * tp;      // [Dp, Tp]
  float* d_keys = values_t + dp * tp;      // [Tp, Dp]
  float* d_values = d_keys + tp * dp;      // [Tp, Dp]
  float* query = d_values + tp * dp;       // [kBlock, Dp], already times scale
  float* d_out = query + kBlock * dp;      // [kBlock, Dp]
  float* d_query = d_out + kBlock * dp;    // [kBlock, Dp]
  float* scores = d_query + kBlock * dp;   // [kBlock, Tp], then P
  float* d_scores = scores + kBlock * tp;  // [kBlock, Tp], dP then dS
  unpack_keys(task, qkv + (task.heads + task.kv_heads + task.kv_head) * d, stride, keys, key_rows,
              dp);
  transpose(key_rows, keys, dp, values_t, tp);
  unpack_keys(task, qkv + (task.heads + task.kv_head) * d, stride, keys, key_rows, dp);
  transpose(key_rows, keys, dp, keys_t, tp);
  fill_zero(key_rows + keys * dp, (tp - keys) * dp);
  fill_zero(d_keys, tp * dp);
  fill_zero(d_values, tp * dp);

  for (int64_t g = 0; g < group; ++g) {
    const int64_t head = task.kv_head * group + g;
    for (int64_t q0 = 0; q0 < own; q0 += kBlock) {
      const int64_t count = q0 + kBlock < own ? kBlock : own - q0, rows = up_rows(count);
      const int64_t visible = prefix + q0 + count, vp = up16(visible);
      const int64_t first = task.begin + q0;
      unpack_block(qkv + head * d, stride, first, count, d, dp, task.scale, query);
      unpack_block(static_cast<const T*>(gradient.d_out) + head * d, task.heads * d, first, count,
                   d, dp, 1.0f, d_out);
      product(rows, vp, dp, query, dp, 1, keys_t, tp, scores, tp, false);
      product(rows, vp, dp, d_out, dp, 1, values_t, tp, d_scores, tp, false);
      for (int64_t i = 0; i < count; ++i) {
        float* p = scores + i * tp;
        float* ds = d_scores + i * tp;
        const T* out = static_cast<const T*>(task.out) + (first + i) * task.heads * d + head * d;
        float delta = 0;
#pragma omp simd reduction(+ : delta)
        for (int64_t c = 0; c < d; ++c) delta += d_out[i * dp + c] * get(out[c]);
        const float lse = task.logsumexp[head * task.rows + first + i];
        const int64_t seen = prefix + q0 + i + 1;
#pragma omp simd
        for (int64_t t = 0; t < seen; ++t) {
          p[t] = exponential(p[t] - lse);
          ds[t] = p[t] * (ds[t] - delta);
        }
        for (int64_t t = seen; t < vp; ++t) p[t] = ds[t] = 0;
      }
      fill_zero(scores + count * tp, (rows - count) * tp);
      fill_zero(d_scores + count * tp, (rows - count) * tp);
      product(vp, dp, count, scores, 1, tp, d_out, dp, d_values, dp, true);
      product(vp, dp, count, d_scores, 1, tp, query, dp, d_keys, dp, true);
      product(rows, dp, visible, d_scores, tp, 1, key_rows, dp, d_query, dp, false);
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
      gradient.d_keys[t * d + c] = d_keys[t * dp + c];
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
