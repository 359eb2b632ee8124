#include "lm/ppo_math.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace lehr::lm {

KlEstimator parse_kl_estimator(const std::string& name) {
  if (name == "k1") return KlEstimator::k1;
  if (name == "k2") return KlEstimator::k2;
  if (name == "k3") return KlEstimator::k3;
  throw std::invalid_argument("there is no KL estimator '" + name + "'");
}

std::vector<double> kl_per_token(std::span<const float> logprobs,
                                 std::span<const float> reference_logprobs, KlEstimator estimator) {
  std::vector<double> kl(logprobs.size());
  for (size_t t = 0; t < kl.size(); ++t) {
    const double k1 = static_cast<double>(logprobs[t]) - static_cast<double>(reference_logprobs[t]);
    kl[t] = estimator == KlEstimator::k1   ? k1
            : estimator == KlEstimator::k2 ? k1 * k1 / 2
                                           : std::expm1(-k1) + k1;
  }
  return kl;
}

PolicyTerms policy_loss(const at::Tensor& logprobs, const at::Tensor& old_logprobs,
                        const at::Tensor& advantages, const RatioClip& clip) {
  const at::Tensor log_ratio = logprobs - old_logprobs;
  const at::Tensor ratio = at::exp(log_ratio);
  const at::Tensor plain = -advantages * ratio;
  const at::Tensor clipped = -advantages * at::clamp(ratio, 1 - clip.low, 1 + clip.high);
  at::Tensor losses = at::maximum(plain, clipped);
  if (clip.dual > 0)
    losses = at::where(at::lt(advantages, 0), at::minimum(losses, -advantages * clip.dual), losses);
  return {losses, ratio, at::gt(clipped, plain), at::square(log_ratio.detach()) / 2};
}

at::Tensor kl_terms(const at::Tensor& logprobs, const at::Tensor& reference_logprobs) {
  const at::Tensor log_ratio = logprobs - reference_logprobs;
  return at::expm1(-log_ratio) + log_ratio;
}

ValueTerms value_loss(const at::Tensor& values, const at::Tensor& old_values,
                      const at::Tensor& returns, double clip) {
  const at::Tensor plain = at::square(values - returns);
  const at::Tensor near = old_values + at::clamp(values - old_values, -clip, clip);
  const at::Tensor clipped = at::square(near - returns);
  return {at::maximum(plain, clipped).sum() * 0.5, at::gt(clipped, plain).sum().item<double>()};
}

double adapted_kl_coefficient(double beta, double kl, double target, double samples,
                              double horizon) {
  return beta * (1 + std::clamp(kl / target - 1, -0.2, 0.2) * samples / horizon);
}

}  // namespace lehr::lm
