#include "lm/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lehr::lm {
namespace {

ModelConfig tiny_config() {
  ModelConfig c;
  c.hidden_size = 8;
  c.intermediate_size = 12;
  c.layers = 1;
  c.heads = 2;
  c.kv_heads = 2;
  c.head_dim = 4;
  c.vocab_size = 11;
  return c;
}

// The update as the paper writes it, in float64, tensor by tensor.
TEST(AdamW, FollowsTheSlowFormula) {
  Model model = Model::create(tiny_config(), 1, Precision::kFp32);
  model.make_trainable();
  const AdamWOptions options{
      .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.2, .max_grad_norm = 0.5};
  AdamW optimizer(model, options);
  at::Tensor w = model.weights().to(at::kDouble).clone();
  at::Tensor m = at::zeros_like(w), v = at::zeros_like(w), decay = at::zeros_like(w);
  for (const ParameterSlot& slot : model.slots()) {
    if (slot.shape.size() == 2) decay.narrow(0, slot.offset, slot.size).fill_(0.2);
  }
  for (int step = 1; step <= 5; ++step) {
    at::Tensor g = at::zeros_like(w);
    for (const ParameterSlot& slot : model.slots()) {
      const at::Tensor wave = at::arange(slot.size, at::kDouble);
      g.narrow(0, slot.offset, slot.size).copy_((wave * 0.37 + step).sin() * 0.1 * step);
    }
    model.gradients().copy_(g);
    const double norm = g.norm().item<double>();
    g *= std::min(1.0, 0.5 / (norm + 1e-6));
    m = 0.9 * m + 0.1 * g;
    v = 0.99 * v + 0.01 * g * g;
    const double rate = 0.01 / step;
    w = w - rate * decay * w;
    w = w -
        rate * (m / (1 - std::pow(0.9, step))) / ((v / (1 - std::pow(0.99, step))).sqrt() + 1e-8);
    const StepReport report = optimizer.step(rate);
    EXPECT_TRUE(report.applied);
    EXPECT_NEAR(report.grad_norm, norm, 1e-5 * norm);
    EXPECT_LT((model.weights() - w).abs().max().item<double>(), 1e-6) << step;
    EXPECT_EQ(model.gradients().abs().max().item<float>(), 0.0f);
  }
  EXPECT_EQ(optimizer.updates(), 5);
}

TEST(AdamW, ReportsANonFiniteNormAndTouchesNothing) {
  Model model = Model::create(tiny_config(), 1, Precision::kFp32);
  model.make_trainable();
  AdamW optimizer(model, {});
  const at::Tensor before = model.weights().clone();
  for (const float poison : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    model.zero_gradients();
    model.gradients()[17] = poison;
    const StepReport report = optimizer.step(0.1);
    EXPECT_FALSE(report.applied);
    EXPECT_FALSE(std::isfinite(report.grad_norm));
    EXPECT_TRUE(model.weights().equal(before));
    EXPECT_EQ(optimizer.exp_avg().abs().max().item<float>(), 0.0f);
    EXPECT_EQ(optimizer.updates(), 0);
  }
}

TEST(AdamW, WritesTheBf16CopyInTheSamePass) {
  if (!cpu_has_bf16()) {
    EXPECT_EQ(default_precision(), Precision::kFp32);
    return;
  }
  Model model = Model::create(tiny_config(), 1, Precision::kBf16);
  model.make_trainable();
  AdamW optimizer(model, {});
  model.gradients().fill_(0.01);
  optimizer.step(0.01);
  EXPECT_TRUE(model.compute_weights().equal(model.weights().to(at::kBFloat16)));
}

}  // namespace
}  // namespace lehr::lm
