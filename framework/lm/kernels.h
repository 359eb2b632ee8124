// The table of our own CPU kernels: serial functions over a range of rows or one attention task,
// compiled once per instruction set (isa/) and chosen by cpuid. Threads are the caller's business.
// Buffers typed void* hold the table's compute dtype (float32 or bfloat16); sums run in float32.
#pragma once

#include <cstdint>

namespace lehr::lm {

// One segment under one key/value head. Rows are rows of the packed batch.
struct AttentionTask {
  int64_t begin, end;                // own rows
  int64_t prefix_begin, prefix_end;  // rows seen wholly, before the own ones
  int64_t kv_head;
  int64_t heads, kv_heads, head_dim;
  int64_t rows;  // N, the stride of logsumexp
  float scale;
  const void* qkv;   // [N, (H+2K)*D]
  void* out;         // [N, H*D]; backward reads it
  float* logsumexp;  // [H, N]; forward writes it unless null
  float* scratch;    // attention_scratch floats, 64-byte aligned, per thread
};

struct AttentionGradient {
  const void* d_out;  // [N, H*D]
  void* d_qkv;        // [N, (H+2K)*D]: writes dq of own rows
  // float32 sums, [keys, D] each, keys = prefix then own rows; overwritten
  float* d_keys;
  float* d_values;
};

struct AdamWPass {
  float learning_rate, beta1, beta2, eps, weight_decay;
  float rest1, rest2;    // 1 - beta, rounded once
  float gradient_scale;  // clipping
  float bias1, bias2;    // 1 - beta^t
};

struct RowStatistics {
  float* logprob;  // log p(target)
  float* entropy;  // null: not wanted, and so for the next
  float* mean_logit;
  bool* correct;
};

struct Kernels {
  // sum = x + delta (delta null: sum untouched, x used); y = weight * cast(sum * rstd).
  // rstd may be null. sum may be x.
  void (*rms_norm)(const void* x, const void* delta, void* sum, const void* weight, void* y,
                   float* rstd, int64_t rows, int64_t width, float eps);
  // dx = (accumulate ? dx : 0) + gradient through the norm; d_weight [width] += .
  void (*rms_norm_backward)(const void* dy, const void* x, const void* weight, const float* rstd,
                            void* dx, float* d_weight, int64_t rows, int64_t width,
                            bool accumulate);
  // Rotates the first `rotated` heads of each row by the table's angles; sign -1 undoes it.
  void (*rope)(void* qkv, const float* cosines_sines, int64_t rows, int64_t stride, int64_t rotated,
               int64_t head_dim, float sign);
  void (*swiglu)(const void* gate_up, void* y, int64_t rows, int64_t width);
  // Also writes y again, so that forward need not keep it.
  void (*swiglu_backward)(const void* gate_up, const void* dy, void* d_gate_up, void* y,
                          int64_t rows, int64_t width);
  void (*attention)(const AttentionTask& task);
  void (*attention_backward)(const AttentionTask& task, const AttentionGradient& gradient);
  // One query row, one key/value head, over `count` keys of one range; softmax state is carried.
  void (*attend_range)(const void* query, const void* keys, const void* values, int64_t count,
                       int64_t stride, int64_t head_dim, float scale, float* scores, float* maximum,
                       float* total, float* accumulator);
  // dst[i] = cast(src[i] * scale), float32 to compute dtype.
  void (*store_scaled)(const float* src, float scale, void* dst, int64_t count);
  // dst[i] += src[i], compute dtype into float32.
  void (*accumulate)(const void* src, float* dst, int64_t count);
  // grad[ids[r]] += dx[r] for columns [c0, c1), rows in order.
  void (*scatter_add)(const void* dx, const int32_t* ids, float* grad, int64_t rows, int64_t width,
                      int64_t c0, int64_t c1);
  // logits [rows, V] -> statistics of softmax(logits * inverse_temperature).
  void (*row_statistics)(const void* logits, const int32_t* targets, int64_t rows, int64_t width,
                         float inverse_temperature, const RowStatistics& out);
  // logits become gradients in place: g * (onehot - p) / T + ge * -p (log p + entropy) / T.
  // g: per row; ge may be null. logprob as made by row_statistics.
  void (*logits_gradient)(void* logits, const int32_t* targets, int64_t rows, int64_t width,
                          float inverse_temperature, const float* logprob, const float* entropy,
                          const float* g, const float* ge);
  // to[i] = exp((x[i] - the largest x) * scale), 0 below e^-87, float32 -> the largest x.
  float (*softmax_weights)(const float* x, float scale, float* to, int64_t count);
  // y[r] = x[r] . w in float32.
  void (*row_dot)(const void* x, const void* w, float* y, int64_t rows, int64_t width);
  // y[r, o] = x[r] . w[o], each the same whatever stands beside it. x: [rows, k] as few_rows_input
  // makes it, w: [outs, k] compute dtype; rows of y are y_row apart.
  void (*few_rows)(const void* x, const void* w, float* y, int64_t rows, int64_t k, int64_t outs,
                   int64_t y_row);
  // x in compute dtype as few_rows multiplies it, in room for `count` floats.
  void (*few_rows_input)(const void* x, void* to, int64_t count);
  int64_t most_few_rows;  // up to which few_rows is the quickest way
  // w, m, v updated, g zeroed; compute (null where it is the master) gets the rounded weight.
  void (*adamw)(float* w, float* g, float* m, float* v, void* compute, int64_t count,
                const AdamWPass& pass);
  double (*sum_squares)(const float* x, int64_t count);
};

// Floats of scratch an attention task needs; keys: prefix and own rows together.
int64_t attention_scratch(int64_t keys, int64_t head_dim);

enum class Isa { kBaseline, kAvx2, kAvx512, kAvx512Bf16 };
Isa best_isa();
// bf16: buffers hold bfloat16. `isa` beyond this CPU must not be asked for.
const Kernels& kernels(bool bf16, Isa isa = best_isa());

namespace baseline {
const Kernels& table(bool bf16);
}
namespace avx2 {
const Kernels& table(bool bf16);
}
namespace avx512 {
const Kernels& table(bool bf16);
}
namespace avx512_bf16 {
const Kernels& table(bool bf16);
}

}  // namespace lehr::lm
