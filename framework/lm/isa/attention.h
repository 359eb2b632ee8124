// Attention of one segment under one key/value head. Keys are the prefix rows followed by the own
// rows; own row i sees keys [0, prefix + i]. Keys and values are first packed
// (attention_packing.h), so that every product runs at register-tile speed; a block of kBlock
// queries holds its whole row of scores (segments are short: 20 to a few thousand tokens), so
// softmax needs no running rescale. Products are of float32 or, where the processor multiplies
// them, of bfloat16: then P and dS are rounded to it, as FlashAttention does. Legend: S scores, P
// probabilities, O output, L log-sum-exp; D head width, Dp and Tp padded to 16.
#pragma once

#include "lm/isa/attention_packing.h"
#include "lm/isa/pair_dots.h"

namespace lehr::lm::LEHR_ISA {
namespace {

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

// query . key of kKeys keys that are `stride` elements apart.
template <int kKeys, class T>
LEHR_INLINE void scores_of(const T* query, const T* key, int64_t stride, int64_t head_dim,
                           float* scores) {
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
    scores[i] = dot;
  }
}
#if defined(__AVX512BF16__)
template <int kKeys>
LEHR_INLINE void scores_of(const bf16* query, const bf16* key, int64_t stride, int64_t head_dim,
                           float* scores) {
  pair_dots<1, kKeys>(query, 0, key, stride, head_dim, scores, 0);
}
#endif

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
    scores_of<kKeysTogether>(query, keys + t * stride, stride, head_dim, scores + t);
  for (int64_t t = together; t < count; ++t)
    scores_of<1>(query, keys + t * stride, stride, head_dim, scores + t);
  float top = *maximum;
#pragma omp simd reduction(max : top)
  for (int64_t t = 0; t < count; ++t) {
    scores[t] *= scale;
    top = scores[t] > top ? scores[t] : top;
  }
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
