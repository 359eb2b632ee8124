#include "lm/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace lehr::lm {
namespace {

// Weights are proportional to probabilities, the likeliest token's is 1. Walks them until `uniform`
// of the total is behind. Rounding may leave nothing in front at the very end: then the last token
// with any weight.
size_t walk(std::span<const float> weights, double total, double uniform) {
  const double target = uniform * total;
  double sum = 0;
  size_t last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    sum += static_cast<double>(weights[i]);
    last = i;
    if (sum > target) break;
  }
  return last;
}

Choice greedy(std::span<const float> logits) {
  const auto best = std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float x : logits) total += static_cast<double>(std::exp(x - *best));
  return {static_cast<int32_t>(best - logits.begin()), static_cast<float>(-std::log(total))};
}

Choice truncated(std::span<const float> logits, const SamplingOptions& o, double uniform) {
  thread_local std::vector<int32_t> order;
  thread_local std::vector<float> weights;
  order.resize(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto likelier = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const size_t k =
      o.top_k > 0 ? std::min<size_t>(static_cast<size_t>(o.top_k), order.size()) : order.size();
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                    likelier);
  const float best = logits[static_cast<size_t>(order[0])];
  const float scale = static_cast<float>(1.0 / o.temperature);
  weights.clear();
  double total = 0;
  for (size_t i = 0; i < k; ++i) {
    const float w = std::exp((logits[static_cast<size_t>(order[i])] - best) * scale);
    if (static_cast<double>(w) < o.min_p) break;
    weights.push_back(w);
    total += static_cast<double>(w);
  }
  if (o.top_p < 1.0) {
    double sum = 0;
    size_t kept = 0;
    while (kept < weights.size() && (kept == 0 || sum < o.top_p * total))
      sum += static_cast<double>(weights[kept++]);
    weights.resize(kept);
    total = sum;
  }
  const size_t i = walk(weights, total, uniform);
  return {order[i],
          static_cast<float>(std::log(static_cast<double>(weights[i])) - std::log(total))};
}

}  // namespace

void check(const SamplingOptions& o) {
  const auto refuse = [](const char* name, double value, const char* rule) {
    throw std::invalid_argument(std::string(name) + " " + std::to_string(value) + " must be " +
                                rule);
  };
  if (!(o.temperature >= 0)) refuse("temperature", o.temperature, "at least 0");
  if (o.top_k < 0) refuse("top_k", static_cast<double>(o.top_k), "at least 0");
  if (!(o.top_p > 0 && o.top_p <= 1)) refuse("top_p", o.top_p, "above 0 and at most 1");
  if (!(o.min_p >= 0 && o.min_p <= 1)) refuse("min_p", o.min_p, "between 0 and 1");
}

Choice choose(std::span<const float> logits, const SamplingOptions& options, double uniform) {
  if (options.temperature == 0) return greedy(logits);
  if (options.truncates()) return truncated(logits, options, uniform);
  thread_local std::vector<float> weights;
  weights.resize(logits.size());
  const float best = *std::max_element(logits.begin(), logits.end());
  const float scale = static_cast<float>(1.0 / options.temperature);
  double total = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    weights[i] = std::exp((logits[i] - best) * scale);
    total += static_cast<double>(weights[i]);
  }
  const size_t i = walk(weights, total, uniform);
  const double logit = static_cast<double>((logits[i] - best) * scale);
  return {static_cast<int32_t>(i), static_cast<float>(logit - std::log(total))};
}

}  // namespace lehr::lm
