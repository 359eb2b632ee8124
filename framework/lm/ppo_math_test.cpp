#include "lm/ppo_math.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>

namespace lehr::lm {
namespace {

at::Tensor row(const std::vector<float>& values) { return at::tensor(values); }

TEST(PpoMath, KlEstimatorsByHand) {
  const std::vector<float> policy = {-1.0f, -2.0f}, reference = {-1.5f, -1.0f};
  const auto k1 = kl_per_token(policy, reference, KlEstimator::k1);
  const auto k2 = kl_per_token(policy, reference, KlEstimator::k2);
  const auto k3 = kl_per_token(policy, reference, KlEstimator::k3);
  EXPECT_DOUBLE_EQ(k1[0], 0.5);
  EXPECT_DOUBLE_EQ(k1[1], -1);
  EXPECT_DOUBLE_EQ(k2[0], 0.125);
  EXPECT_DOUBLE_EQ(k2[1], 0.5);
  EXPECT_NEAR(k3[0], std::exp(-0.5) - 1 + 0.5, 1e-15);
  EXPECT_NEAR(k3[1], std::exp(1.0) - 1 - 1, 1e-15);
  EXPECT_THROW(parse_kl_estimator("k4"), std::invalid_argument);
}

// Five tokens, eps 0.2; ratios 1, 1.5, 1.5, 0.5, 0.5.
//   A = 2,  ratio 1    max(-2, -2)      = -2
//   A = 1,  ratio 1.5  max(-1.5, -1.2)  = -1.2  clipped
//   A = -1, ratio 1.5  max(1.5, 1.2)    = 1.5
//   A = 1,  ratio 0.5  max(-0.5, -0.8)  = -0.5
//   A = -1, ratio 0.5  max(0.5, 0.8)    = 0.8   clipped
TEST(PpoMath, PolicyLossByHand) {
  const at::Tensor old_logprobs = row({-1, -1, -1, -1, -1});
  const float up = std::log(1.5f), down = std::log(0.5f);
  at::Tensor logprobs = (old_logprobs + row({0, up, up, down, down})).set_requires_grad(true);
  const PolicyTerms terms = policy_loss(logprobs, old_logprobs, row({2, 1, -1, 1, -1}), {});
  EXPECT_NEAR(terms.losses.sum().item<double>(), -2 - 1.2 + 1.5 - 0.5 + 0.8, 1e-6);
  EXPECT_EQ(terms.clipped.sum().item<int64_t>(), 2);
  EXPECT_NEAR(terms.divergence.sum().item<double>(), (2 * up * up + 2 * down * down) / 2, 1e-6);
  EXPECT_EQ(terms.ratio[0].item<float>(), 1.0f);
  terms.losses.sum().backward();
  // Where the clipped term holds there is no gradient; elsewhere -A * ratio.
  const std::vector<float> expected = {-2, 0, 1.5, -0.5, 0};
  for (int64_t t = 0; t < 5; ++t)
    EXPECT_NEAR(logprobs.grad()[t].item<float>(), expected[static_cast<size_t>(t)], 1e-6) << t;
}

TEST(PpoMath, DualClipBoundsTheLossOfBadTokens) {
  const at::Tensor old_logprobs = row({-1, -1}), advantages = row({-1, 1});
  const at::Tensor logprobs = old_logprobs + std::log(10.0);
  const auto loss = [&](const RatioClip& clip) {
    return policy_loss(logprobs, old_logprobs, advantages, clip).losses.sum().item<double>();
  };
  EXPECT_NEAR(loss({}), 10 - 1.2, 1e-4);
  EXPECT_NEAR(loss({.dual = 3}), 3 - 1.2, 1e-4);
  EXPECT_NEAR(loss({.high = 0.5}), 10 - 1.5, 1e-4) << "a bound of its own for good tokens";
}

// V_old = 1, R = 2, clip 0.2.
//   V = 1.1  max(0.81, 0.81)                    = 0.81
//   V = 1.5  max(0.25, (1.2 - 2)^2 = 0.64)      = 0.64  clipped
//   V = 3.0  max(1, 0.64)                       = 1
TEST(PpoMath, ValueLossByHand) {
  at::Tensor values = row({1.1f, 1.5f, 3.0f}).set_requires_grad(true);
  const ValueTerms terms = value_loss(values, row({1, 1, 1}), row({2, 2, 2}), 0.2);
  EXPECT_NEAR(terms.loss.item<double>(), 0.5 * (0.81 + 0.64 + 1), 1e-6);
  EXPECT_EQ(terms.clipped, 1);
  terms.loss.backward();
  EXPECT_NEAR(values.grad()[0].item<float>(), 1.1 - 2, 1e-6);
  EXPECT_NEAR(values.grad()[1].item<float>(), 0, 1e-6);
  EXPECT_NEAR(values.grad()[2].item<float>(), 1, 1e-6);
}

TEST(PpoMath, AdaptiveCoefficientMovesTowardsTheTargetAtABoundedRate) {
  EXPECT_DOUBLE_EQ(adapted_kl_coefficient(0.1, 6, 6, 64, 10000), 0.1);
  EXPECT_DOUBLE_EQ(adapted_kl_coefficient(0.1, 60, 6, 64, 10000), 0.1 * (1 + 0.2 * 0.0064));
  EXPECT_DOUBLE_EQ(adapted_kl_coefficient(0.1, 5.4, 6, 100, 1000), 0.1 * (1 - 0.1 * 0.1));
}

}  // namespace
}  // namespace lehr::lm
