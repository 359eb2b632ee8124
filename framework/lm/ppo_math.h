// The formulas of PPO (Schulman et al. 2017) as used on language models (Ziegler et al. 2019).
// Tensors are [M] float32, one element per token of an answer, or per answer; there is no mask
// because there is no padding. The caller weighs and sums what comes out, and divides it by what
// the whole minibatch counts.
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

struct RatioClip {
  double low = 0.2, high = 0.2;
  double dual = 0;  // c > 1 (Ye et al. 2020): where A < 0 the term is at most -A c; 0: off
};
// [M] each.
struct PolicyTerms {
  at::Tensor losses;      // max(-A ratio, -A clip(ratio, 1-low, 1+high)), differentiable
  at::Tensor ratio;       // differentiable
  at::Tensor clipped;     // bool: where the clipped term was the larger
  at::Tensor divergence;  // (ln pi - ln pi_old)^2 / 2, no gradient
};
PolicyTerms policy_loss(const at::Tensor& logprobs, const at::Tensor& old_logprobs,
                        const at::Tensor& advantages, const RatioClip& clip);

// k3, differentiable in logprobs: the KL where it is part of the loss (Shao et al. 2024). [M]
at::Tensor kl_terms(const at::Tensor& logprobs, const at::Tensor& reference_logprobs);

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
