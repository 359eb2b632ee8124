// The maths of the kernels and operators as slow, plain loops in double, and the slopes of such a
// function by central differences. A gradient is held to the slopes of the forward formula: its own
// formula stands in no test, where it could repeat a mistake.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "lm/random.h"

namespace lehr::lm::slow {

using Row = std::vector<double>;

inline Row normals(size_t count, uint64_t stream, double deviation = 1) {
  const Random random(5, Purpose::kUser, stream);
  Row out(count);
  for (size_t i = 0; i < count; ++i) out[i] = deviation * random.normal(i);
  return out;
}

inline Row part(const Row& from, size_t begin, size_t count) {
  const auto first = from.begin() + static_cast<std::ptrdiff_t>(begin);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

inline void append(Row& to, const Row& more) { to.insert(to.end(), more.begin(), more.end()); }

inline double dot(const Row& a, const Row& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// d f / d x[i] for every i. With h = 1e-4 the third derivative leaves about 1e-9, rounding 1e-12.
template <class F>
Row slopes(Row x, const F& f) {
  constexpr double h = 1e-4;
  Row out(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double at = x[i];
    x[i] = at + h;
    const double above = f(x);
    x[i] = at - h;
    out[i] = (above - f(x)) / (2 * h);
    x[i] = at;
  }
  return out;
}

inline double rms(const Row& x, double eps) {
  return std::sqrt(dot(x, x) / static_cast<double>(x.size()) + eps);
}

inline Row rms_norm(const Row& x, const Row& weight, double eps) {
  Row y(x.size());
  for (size_t c = 0; c < x.size(); ++c) y[c] = weight[c] * (x[c] / rms(x, eps));
  return y;
}

// HF's x * cos + rotate_half(x) * sin, one head. angles: [D/2].
inline Row rope(const Row& x, const Row& angles) {
  const size_t half = angles.size();
  Row y(x.size());
  for (size_t c = 0; c < x.size(); ++c) {
    const double turned = c < half ? -x[c + half] : x[c - half];
    y[c] = x[c] * std::cos(angles[c % half]) + turned * std::sin(angles[c % half]);
  }
  return y;
}

// gate, then up: [2F] -> [F].
inline Row swiglu(const Row& gate_up) {
  Row y(gate_up.size() / 2);
  for (size_t c = 0; c < y.size(); ++c)
    y[c] = gate_up[c] / (1 + std::exp(-gate_up[c])) * gate_up[y.size() + c];
  return y;
}

// log p of softmax(logits / temperature).
inline Row log_softmax(const Row& logits, double temperature = 1) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const double z : logits) total += std::exp((z - top) / temperature);
  Row out;
  for (const double z : logits) out.push_back((z - top) / temperature - std::log(total));
  return out;
}

inline double entropy(const Row& logprobs) {
  double sum = 0;
  for (const double lp : logprobs) sum -= std::exp(lp) * lp;
  return sum;
}

// Where queries, keys and values lie in qkv [N, (H+2K)*D].
struct Heads {
  size_t heads, kv_heads, head_dim;

  size_t width() const { return (heads + 2 * kv_heads) * head_dim; }
  size_t kv_head(size_t head) const { return head / (heads / kv_heads); }
  size_t query(size_t row, size_t head) const { return row * width() + head * head_dim; }
  size_t key(size_t row, size_t kv) const { return query(row, heads + kv); }
  size_t value(size_t row, size_t kv) const { return query(row, heads + kv_heads + kv); }
};

struct Attended {
  Row out;  // [D]
  double logsumexp = 0;
};

// One query row under one head, attending to `seen` rows.
inline Attended attend(const Row& qkv, const Heads& shape, size_t query_row, size_t head,
                       const std::vector<size_t>& seen) {
  const size_t d = shape.head_dim, kv = shape.kv_head(head);
  const double* q = &qkv[shape.query(query_row, head)];
  Row scores;
  for (const size_t row : seen) {
    double score = 0;
    for (size_t c = 0; c < d; ++c) score += q[c] * qkv[shape.key(row, kv) + c];
    scores.push_back(score / std::sqrt(static_cast<double>(d)));
  }
  const Row logprobs = log_softmax(scores);
  Attended result{Row(d), scores[0] - logprobs[0]};
  for (size_t t = 0; t < seen.size(); ++t)
    for (size_t c = 0; c < d; ++c)
      result.out[c] += std::exp(logprobs[t]) * qkv[shape.value(seen[t], kv) + c];
  return result;
}

}  // namespace lehr::lm::slow
