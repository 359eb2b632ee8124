// The formulas of PPO (Schulman et al. 2017) as used on language models (Ziegler et al. 2019).
// Tensors are [M] float32, one element per token of an answer; every token counts, there is no
// mask because there is no padding. Losses are sums over tokens: the caller divides by the number
// of tokens of the whole minibatch.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <vector>

namespace lehr::lm {

// Estimators of KL(pi || ref) from tokens drawn from pi (Schulman 2020), log_ratio = ln pi - ln
// ref: k1 = log_ratio, k2 = k1^2 / 2, k3 = exp(-k1) - 1 + k1.
enum class KlEstimator { k1, k2, k3 };
KlEstimator parse_kl_estimator(const std::string& name);  // throws std::invalid_argument
std::vector<double> kl_per_token(std::span<const float> logprobs,
                                 std::span<const float> reference_logprobs, KlEstimator estimator);

struct PolicyTerms {
  at::Tensor loss;            // scalar: sum of max(-A ratio, -A clip(ratio, 1-eps, 1+eps))
  at::Tensor ratio;           // [M], no gradient
  double clipped = 0;         // tokens where the clipped term was the larger
  double approximate_kl = 0;  // sum of (ln pi - ln pi_old)^2 / 2
};
// dual_clip c > 1 (Ye et al. 2020): where A < 0 the term is at most -A c; 0: off.
PolicyTerms policy_loss(const at::Tensor& logprobs, const at::Tensor& old_logprobs,
                        const at::Tensor& advantages, double clip, double dual_clip = 0);

// Sum of k3, differentiable in logprobs: the KL where it is part of the loss (Shao et al. 2024).
at::Tensor kl_loss(const at::Tensor& logprobs, const at::Tensor& reference_logprobs);

struct ValueTerms {
  at::Tensor loss;     // scalar: 0.5 * sum of max((V-R)^2, (V_old + clip(V-V_old, -c, c) - R)^2)
  double clipped = 0;  // tokens where the clipped term was the larger
};
ValueTerms value_loss(const at::Tensor& values, const at::Tensor& old_values,
                      const at::Tensor& returns, double clip);

// beta *= 1 + clip(kl / target - 1, -0.2, 0.2) * samples / horizon (Ziegler et al. 2019).
double adapted_kl_coefficient(double beta, double kl, double target, double samples,
                              double horizon);

}  // namespace lehr::lm
