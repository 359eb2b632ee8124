// Row kernels: norms, rotation, gating, and softmax rows. Plain loops that the compiler vectorises.
#pragma once

#include "lm/isa/scalar.h"

namespace lehr::lm::LEHR_ISA {
namespace {

template <class T>
void rms_norm(const void* x_, const void* delta_, void* sum_, const void* weight_, void* y_,
              float* rstd_out, int64_t rows, int64_t width, float eps) {
  const T* weight = static_cast<const T*>(weight_);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(x_) + r * width;
    T* y = static_cast<T*>(y_) + r * width;
    if (delta_) {
      const T* delta = static_cast<const T*>(delta_) + r * width;
      T* sum = static_cast<T*>(sum_) + r * width;
#pragma omp simd
      for (int64_t c = 0; c < width; ++c) put(sum[c], get(x[c]) + get(delta[c]));
      x = sum;
    }
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t c = 0; c < width; ++c) squares += get(x[c]) * get(x[c]);
    const float rstd = 1.0f / __builtin_sqrtf(squares / static_cast<float>(width) + eps);
    if (rstd_out) rstd_out[r] = rstd;
#pragma omp simd
    for (int64_t c = 0; c < width; ++c) {
      put(y[c], get(weight[c]) * rounded(get(x[c]) * rstd, weight));
    }
  }
}

// With n = x * rstd and g = dy * w: dx = rstd * (g - n * mean(g * n)), dw = sum dy * n.
template <class T>
void rms_norm_backward(const void* dy_, const void* x_, const void* weight_, const float* rstd,
                       void* dx_, float* d_weight, int64_t rows, int64_t width, bool accumulate) {
  const T* weight = static_cast<const T*>(weight_);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(x_) + r * width;
    const T* dy = static_cast<const T*>(dy_) + r * width;
    T* dx = static_cast<T*>(dx_) + r * width;
    const float s = rstd[r];
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t c = 0; c < width; ++c) {
      const float n = get(x[c]) * s;
      dot += get(dy[c]) * get(weight[c]) * n;
      d_weight[c] += get(dy[c]) * n;
    }
    const float mean = dot / static_cast<float>(width);
    if (accumulate) {
#pragma omp simd
      for (int64_t c = 0; c < width; ++c) {
        put(dx[c], get(dx[c]) + s * (get(dy[c]) * get(weight[c]) - get(x[c]) * s * mean));
      }
    } else {
#pragma omp simd
      for (int64_t c = 0; c < width; ++c) {
        put(dx[c], s * (get(dy[c]) * get(weight[c]) - get(x[c]) * s * mean));
      }
    }
  }
}

template <class T>
void rope(void* qkv_, const float* cosines_sines, int64_t rows, int64_t stride, int64_t rotated,
          int64_t head_dim, float sign) {
  const int64_t half = head_dim / 2;
  for (int64_t r = 0; r < rows; ++r) {
    const float* cosine = cosines_sines + r * head_dim;
    const float* sine = cosine + half;
    for (int64_t h = 0; h < rotated; ++h) {
      T* low = static_cast<T*>(qkv_) + r * stride + h * head_dim;
      T* high = low + half;
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float a = get(low[i]);
        const float b = get(high[i]);
        const float s = sign * sine[i];
        put(low[i], a * cosine[i] - b * s);
        put(high[i], b * cosine[i] + a * s);
      }
    }
  }
}

template <class T>
void swiglu(const void* gate_up, void* y_, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* gate = static_cast<const T*>(gate_up) + r * 2 * width;
    const T* up = gate + width;
    T* y = static_cast<T*>(y_) + r * width;
#pragma omp simd
    for (int64_t c = 0; c < width; ++c) {
      const float g = get(gate[c]);
      put(y[c], g / (1.0f + exponential(-g)) * get(up[c]));
    }
  }
}

template <class T>
void swiglu_backward(const void* gate_up, const void* dy_, void* d_gate_up, void* y_, int64_t rows,
                     int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* gate = static_cast<const T*>(gate_up) + r * 2 * width;
    const T* up = gate + width;
    const T* dy = static_cast<const T*>(dy_) + r * width;
    T* d_gate = static_cast<T*>(d_gate_up) + r * 2 * width;
    T* d_up = d_gate + width;
    T* y = static_cast<T*>(y_) + r * width;
#pragma omp simd
    for (int64_t c = 0; c < width; ++c) {
      const float g = get(gate[c]);
      const float u = get(up[c]);
      const float d = get(dy[c]);
      const float sigmoid = 1.0f / (1.0f + exponential(-g));
      const float silu = g * sigmoid;
      put(y[c], silu * u);
      put(d_up[c], d * silu);
      put(d_gate[c], d * u * sigmoid * (1.0f + g * (1.0f - sigmoid)));
    }
  }
}

template <class T>
void row_statistics(const void* logits_, const int32_t* targets, int64_t rows, int64_t width,
                    float inverse_temperature, const RowStatistics& out) {
  const float it = inverse_temperature;
  for (int64_t r = 0; r < rows; ++r) {
    const T* z = static_cast<const T*>(logits_) + r * width;
    float top = get(z[0]);
#pragma omp simd reduction(max : top)
    for (int64_t c = 0; c < width; ++c) top = get(z[c]) > top ? get(z[c]) : top;
    float total = 0;
    if (out.entropy) {
      float weighted = 0;
      float sum = 0;
#pragma omp simd reduction(+ : total, weighted, sum)
      for (int64_t c = 0; c < width; ++c) {
        const float d = (get(z[c]) - top) * it;
        const float e = exponential(d);
        total += e;
        weighted += e * d;
        sum += get(z[c]);
      }
      out.entropy[r] = logf(total) - weighted / total;
      out.mean_logit[r] = sum / static_cast<float>(width);
    } else {
#pragma omp simd reduction(+ : total)
      for (int64_t c = 0; c < width; ++c) total += exponential((get(z[c]) - top) * it);
    }
    const float target = get(z[targets[r]]);
    out.logprob[r] = (target - top) * it - logf(total);
    out.correct[r] = target >= top;
  }
}

template <class T>
void logits_gradient(void* logits_, const int32_t* targets, int64_t rows, int64_t width,
                     float inverse_temperature, const float* logprob, const float* entropy,
                     const float* g, const float* ge) {
  const float it = inverse_temperature;
  for (int64_t r = 0; r < rows; ++r) {
    T* z = static_cast<T*>(logits_) + r * width;
    // log Z, from the target's own log-probability
    const float log_total = get(z[targets[r]]) * it - logprob[r];
    const float a = g[r] * it;
    const float b = ge ? ge[r] * it : 0.0f;
    const float target_probability = exponential(logprob[r]);
    const float h = entropy ? entropy[r] : 0.0f;
    const float at_target =
        a * (1.0f - target_probability) - b * target_probability * (logprob[r] + h);
    if (b != 0.0f) {
#pragma omp simd
      for (int64_t c = 0; c < width; ++c) {
        const float lp = get(z[c]) * it - log_total;
        put(z[c], -exponential(lp) * (a + b * (lp + h)));
      }
    } else {
#pragma omp simd
      for (int64_t c = 0; c < width; ++c) {
        put(z[c], -a * exponential(get(z[c]) * it - log_total));
      }
    }
    put(z[targets[r]], at_target);
  }
}

inline float softmax_weights(const float* x, float scale, float* to, int64_t count) {
  float top = x[0];
#pragma omp simd reduction(max : top)
  for (int64_t i = 0; i < count; ++i) top = x[i] > top ? x[i] : top;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const float d = (x[i] - top) * scale;
    const float e = exponential(d);
    to[i] = d < -87.0f ? 0.0f : e;
  }
  return top;
}

template <class T>
void row_dot(const void* x_, const void* w_, float* y, int64_t rows, int64_t width) {
  const T* w = static_cast<const T*>(w_);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(x_) + r * width;
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t c = 0; c < width; ++c) dot += get(x[c]) * get(w[c]);
    y[r] = dot;
  }
}

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
