#include "lm/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "lm/kernels.h"

namespace lehr::lm {
namespace {

constexpr size_t kBlock = 64;  // of weights that are summed, and stepped over, at once

std::span<const float> block(std::span<const float> weights, size_t begin) {
  return weights.subspan(begin, std::min(kBlock, weights.size() - begin));
}

// Eight sums side by side.
double sum_of(std::span<const float> weights) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= weights.size(); i += 8)
    for (size_t j = 0; j < 8; ++j) sums[j] += static_cast<double>(weights[i + j]);
  for (; i < weights.size(); ++i) sums[0] += static_cast<double>(weights[i]);
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

double total_of(std::span<const float> weights) {
  double total = 0;
  for (size_t i = 0; i < weights.size(); i += kBlock) total += sum_of(block(weights, i));
  return total;
}

// Weights are proportional to probabilities, the likeliest token's is 1. Walks them until `uniform`
// of the total is behind. Rounding may leave nothing in front at the very end: then the last token
// with any weight.
size_t walk(std::span<const float> weights, double total, double uniform) {
  const double target = uniform * total;
  double behind = 0;
  for (size_t begin = 0; begin < weights.size(); begin += kBlock) {
    const std::span<const float> these = block(weights, begin);
    const double all = sum_of(these);
    double sum = behind;
    for (size_t i = 0; behind + all > target && i < these.size(); ++i) {
      sum += static_cast<double>(these[i]);
      if (these[i] > 0 && sum > target) return begin + i;
    }
    behind += all;
  }
  size_t last = weights.size() - 1;
  while (last > 0 && weights[last] <= 0) --last;
  return last;
}

// exp((logits - the largest) * scale); `all` until the next call in this thread.
struct Weights {
  float largest;  // logit
  std::span<const float> all;
};
Weights weights_of(std::span<const float> logits, float scale) {
  thread_local std::vector<float> weights;
  weights.resize(logits.size());
  const float largest = kernels(false).softmax_weights(logits.data(), scale, weights.data(),
                                                       static_cast<int64_t>(logits.size()));
  return {largest, weights};
}

Choice greedy(std::span<const float> logits) {
  const Weights weights = weights_of(logits, 1.0f);
  const auto best = std::find(logits.begin(), logits.end(), weights.largest);
  return {static_cast<int32_t>(best - logits.begin()),
          static_cast<float>(-std::log(total_of(weights.all)))};
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
  const float scale = static_cast<float>(1.0 / options.temperature);
  const Weights weights = weights_of(logits, scale);
  const double total = total_of(weights.all);
  const size_t i = walk(weights.all, total, uniform);
  const double logit = static_cast<double>((logits[i] - weights.largest) * scale);
  return {static_cast<int32_t>(i), static_cast<float>(logit - std::log(total))};
}

}  // namespace lehr::lm
