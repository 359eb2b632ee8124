#include "lm/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "lm/muon.h"
#include "lm/random.h"

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
  const OptimizerOptions options{
      .beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.2, .max_grad_norm = 0.5};
  Optimizer optimizer(model, options);
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
  Optimizer optimizer(model, {});
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
  Optimizer optimizer(model, {});
  model.gradients().fill_(0.01);
  optimizer.step(0.01);
  EXPECT_TRUE(model.compute_weights().equal(model.weights().to(at::kBFloat16)));
}

// Muon as its authors write it, in float64: Newton-Schulz over what Nesterov's momentum gives.
at::Tensor slow_muon_direction(at::Tensor x) {
  const bool tall = x.size(0) > x.size(1);
  if (tall) x = x.t();
  x = x / x.norm().clamp_min(1e-7);
  for (int i = 0; i < 5; ++i) {
    const at::Tensor a = x.mm(x.t());
    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a.mm(a)).mm(x);
  }
  return tall ? x.t() : x;
}

at::Tensor random_values(int64_t rows, int64_t columns, uint64_t stream) {
  const Random random(9, Purpose::kUser, stream);
  at::Tensor out = at::empty({rows, columns}, at::kFloat);
  for (int64_t i = 0; i < out.numel(); ++i)
    out.data_ptr<float>()[i] = static_cast<float>(random.normal(static_cast<uint64_t>(i)));
  return out;
}

TEST(Optimizer, MuonFollowsTheSlowFormulaForTheLayersMatricesAndAdamWElsewhere) {
  const OptimizerOptions options{.kind = "muon", .weight_decay = 0.2, .max_grad_norm = 0.5};
  OptimizerOptions plain = options;
  plain.kind = "adamw";
  for (const char* matrix :
       {"model.layers.0.mlp.down_proj.weight", "model.layers.0.mlp.up_proj.weight"}) {
    Model model = Model::create(tiny_config(), 1, Precision::kFp32);
    Model other = Model::create(tiny_config(), 1, Precision::kFp32);
    model.make_trainable();
    other.make_trainable();
    Optimizer muon(model, options), adamw(other, plain);
    at::Tensor w = model.parameter(matrix).to(at::kDouble).clone(), buffer = at::zeros_like(w);
    for (int step = 1; step <= 4; ++step) {
      const at::Tensor gradients = random_values(1, model.gradients().numel(), 1).view({-1}) * step;
      model.gradients().copy_(gradients);
      other.gradients().copy_(gradients);
      at::Tensor g = model.gradient(matrix).to(at::kDouble).clone();
      g *= std::min(1.0, 0.5 / (global_norm(gradients) + 1e-6));
      buffer = 0.95 * buffer + 0.05 * g;
      const double rate = 0.01 / step;
      w = w * (1 - rate * 0.2) -
          rate * 0.2 * std::sqrt(12.0) * slow_muon_direction(0.05 * g + 0.95 * buffer);
      EXPECT_TRUE(muon.step(rate).applied);
      adamw.step(rate);
      EXPECT_LT((model.parameter(matrix) - w).abs().max().item<double>(), 2e-6) << step;
      EXPECT_EQ(model.gradient(matrix).abs().max().item<float>(), 0.0f);
    }
    for (const char* same : {"model.embed_tokens.weight", "model.norm.weight",
                             "model.layers.0.input_layernorm.weight"})
      EXPECT_TRUE(model.parameter(same).equal(other.parameter(same))) << same;
    EXPECT_FALSE(model.parameter(matrix).equal(other.parameter(matrix)));
  }
}

TEST(Optimizer, MuonKeepsMeansOfSquaresOnlyOfWhatTakesAdamWsSteps) {
  Model model = Model::create(tiny_config(), 1, Precision::kFp32);
  model.make_trainable();
  const Optimizer adamw(model, {}), muon(model, {.kind = "muon"});
  EXPECT_EQ(adamw.squared().size(), model.slots().size());
  std::vector<std::string> names;
  for (const ParameterSlot& slot : muon.squared()) names.push_back(slot.name);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "model.embed_tokens.weight", "model.layers.0.input_layernorm.weight",
                       "model.layers.0.post_attention_layernorm.weight", "model.norm.weight"}));
  EXPECT_LT(muon.exp_avg_sq().numel(), 11 * 8 + 3 * 8 + 4 * 16) << "no more than they need";
  EXPECT_EQ(muon.exp_avg().numel(), adamw.exp_avg().numel());
}

TEST(Muon, BringsSingularValuesNearOne) {
  for (const auto& [rows, columns] : {std::pair{8, 20}, std::pair{20, 8}}) {
    const at::Tensor x = random_values(rows, columns, 2);
    const at::Tensor values = at::linalg_svdvals(orthogonalized(x / x.norm()));
    EXPECT_GT(values.min().item<float>(), 0.5f);
    EXPECT_LT(values.max().item<float>(), 1.3f);
  }
}

}  // namespace
}  // namespace lehr::lm
