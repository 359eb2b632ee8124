// Kernels over flat buffers: conversion, accumulation, the optimizer's pass, sums of squares.
#pragma once

#include "lm/isa/scalar.h"

namespace lehr::lm::LEHR_ISA {
namespace {

template <class T>
void store_scaled(const float* src, float scale, void* dst_, int64_t count) {
  T* dst = static_cast<T*>(dst_);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) put(dst[i], src[i] * scale);
}

template <class T>
void accumulate(const void* src_, float* dst, int64_t count) {
  const T* src = static_cast<const T*>(src_);
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) dst[i] += get(src[i]);
}

template <class T>
void scatter_add(const void* dx_, const int32_t* ids, float* grad, int64_t rows, int64_t width,
                 int64_t c0, int64_t c1) {
  const T* dx = static_cast<const T*>(dx_);
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = dx + r * width;
    float* to = grad + ids[r] * width;
#pragma omp simd
    for (int64_t c = c0; c < c1; ++c) to[c] += get(from[c]);
  }
}

template <class T>
void adamw(float* w, float* g, float* m, float* v, void* compute_, int64_t count,
           const AdamWPass& pass) {
  T* compute = static_cast<T*>(compute_);
  const float keep = 1.0f - pass.learning_rate * pass.weight_decay;
  const float rate = pass.learning_rate / pass.bias1;
  const float inverse_bias2 = 1.0f / pass.bias2;
  const float beta1 = pass.beta1, beta2 = pass.beta2, eps = pass.eps;
  const float rest1 = pass.rest1, rest2 = pass.rest2, scale = pass.gradient_scale;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const float grad = g[i] * scale;
    g[i] = 0;
    const float first = beta1 * m[i] + rest1 * grad;
    const float second = beta2 * v[i] + rest2 * grad * grad;
    m[i] = first;
    v[i] = second;
    w[i] = keep * w[i] - rate * first / (__builtin_sqrtf(second * inverse_bias2) + eps);
  }
  if (!compute) return;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) put(compute[i], w[i]);
}

double sum_squares(const float* x, int64_t count) {
  double total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < count; ++i) total += static_cast<double>(x[i]) * x[i];
  return total;
}

}  // namespace
}  // namespace lehr::lm::LEHR_ISA
