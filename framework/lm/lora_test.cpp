// Adapters against the float64 reference of the merged model.
#include "lm/lora.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include "lm/optimizer.h"
#include "lm/reference_model.h"
#include "lm/small_model.h"

namespace lehr::lm {
namespace {

LoraOptions small_adapter() {
  LoraOptions options;
  options.rank = 3;
  options.alpha = 5;
  options.targets = {"q_proj", "v_proj", "o_proj", "up_proj", "down_proj"};
  return options;
}

// B starts at zero; other values show that it is used.
Model with_adapter(Model model) {
  model.add_adapter(small_adapter(), 21);
  ParameterBuffer& adapter = model.trained();
  const Random random(22, Purpose::kUser);
  for (int64_t i = 0; i < adapter.weights.numel(); ++i)
    adapter.weights.data_ptr<float>()[i] +=
        static_cast<float>(0.1 * random.normal(static_cast<uint64_t>(i)));
  model.refresh_compute_copy();
  return model;
}

// With W = W0 + s B A the chain rule gives dA = s B^T dW, dB = s dW A^T from the reference's dW.
TEST(Adapter, GradientsAreThoseOfTheWeightsItAddsTo) {
  Model model = with_adapter(Model::create(small_config(), 7, Precision::kFp32));
  model.make_trainable();
  Model merged = model.clone();
  merged.merge_adapter();
  const ReferenceModel reference(merged);
  const PackedBatch batch = mixed_batch();
  const at::Tensor hidden = model.forward_hidden(batch);
  const at::Tensor expected_hidden = reference.hidden(batch);
  EXPECT_LT(relative_error(hidden, expected_hidden), 1e-5);

  std::vector<float> weights;
  for (const LossEntry& entry : batch.loss_entries) weights.push_back(entry.weight);
  const CrossEntropy ce = linear_cross_entropy(hidden, model.head(), batch.loss_entries);
  model.backward(ce.loss);
  const at::Tensor nll =
      ReferenceModel::pick_targets(reference.log_softmax(expected_hidden, batch), batch).neg();
  (nll * at::tensor(weights)).sum().backward();
  for (const ParameterSlot& slot : model.trained().slots) {
    const bool is_a = slot.name.find("lora_A") != std::string::npos;
    const std::string module = slot.name.substr(0, slot.name.find(".lora_"));
    const at::Tensor full = reference.weights.at(module + ".weight").grad();
    const auto part = [&](const char* which) {
      return model.parameter(module + which).to(at::kDouble);
    };
    const at::Tensor expected = is_a ? at::matmul(part(".lora_B.weight").t(), full)
                                     : at::matmul(full, part(".lora_A.weight").t());
    EXPECT_LT(relative_error(model.gradient(slot.name), expected * small_adapter().scale()), 1e-5)
        << slot.name;
  }
}

TEST(Adapter, ChangesNothingUntilItIsTrainedAndNothingOfTheWeightsThen) {
  Model model = Model::create(small_config(), 7, Precision::kFp32);
  const PackedBatch batch = mixed_batch();
  const at::Tensor before = model.forward_hidden(batch).clone();
  model.add_adapter(small_adapter(), 3);
  model.make_trainable();
  EXPECT_TRUE(before.equal(model.forward_hidden(batch).detach()));
  Optimizer optimizer(model, {});
  model.backward(total_loss(model, batch));
  EXPECT_TRUE(optimizer.step(1e-2).applied);
  const at::NoGradGuard no_gradients;
  EXPECT_FALSE(before.equal(model.forward_hidden(batch)));
  EXPECT_TRUE(before.equal(model.base().forward_hidden(batch)));
  EXPECT_LT(static_cast<double>(model.trained().weights.numel()),
            0.5 * static_cast<double>(model.weights().numel()));
}

// As Model.Bf16StaysNearFp32; gradients of A and B pass two more roundings, so a little further
// off.
TEST(Adapter, Bf16StaysNearFp32) {
  if (!cpu_has_bf16()) {
    EXPECT_THROW(parse_precision("bf16"), std::invalid_argument);
    return;
  }
  Model exact = with_adapter(Model::create(small_config(), 6, Precision::kFp32));
  Model rounded = with_adapter(Model::create(small_config(), 6, Precision::kBf16));
  exact.make_trainable();
  rounded.make_trainable();
  const PackedBatch batch = mixed_batch();
  const at::Tensor a = total_loss(exact, batch), b = total_loss(rounded, batch);
  EXPECT_LT(relative_error(a, b), 5e-3);
  exact.backward(a);
  rounded.backward(b);
  EXPECT_LT(relative_error(exact.gradients(), rounded.gradients()), 8e-2);
}

// y = x W^T + s (drop(x) A^T) B^T, every part with a dropout of its own, in double.
TEST(Adapter, DropsWhatItsPartsReadAndNothingElse) {
  const Model model = with_adapter(Model::create(small_config(), 7, Precision::kFp32));
  const Linear& qkv = model.layer(1).qkv;
  const TrainingNoise noise{.dropout = 0.4, .seed = 5};
  const AdapterDropout dropout{&noise, 12};
  at::Tensor x = at::empty({20, 48}, at::kFloat);
  const Random random(3, Purpose::kUser);
  for (int64_t i = 0; i < x.numel(); ++i)
    x.data_ptr<float>()[i] = static_cast<float>(random.normal(static_cast<uint64_t>(i)));
  at::Tensor expected = at::matmul(x.to(at::kDouble), qkv.weight.to(at::kDouble).t());
  ASSERT_EQ(qkv.parts.size(), 2u);
  for (size_t p = 0; p < 2; ++p) {
    const at::Tensor a = qkv.a.narrow(0, static_cast<int64_t>(p) * 3, 3).to(at::kDouble);
    const at::Tensor b = qkv.parts[p].b.to(at::kDouble);
    const at::Tensor seen = noise.drop(x, 12 + p).to(at::kDouble);
    expected.narrow(1, qkv.parts[p].begin, b.size(0))
        .add_(at::matmul(at::matmul(seen, a.t()), b.t()), small_adapter().scale());
  }
  EXPECT_LT(relative_error(apply(qkv, x, dropout), expected), 1e-6);
  EXPECT_GT(relative_error(apply(qkv, x), expected), 1e-2);
}

TEST(Adapter, DropsInTrainingAlone) {
  Model model = with_adapter(Model::create(small_config(), 7, Precision::kFp32));
  model.make_trainable();
  const PackedBatch batch = mixed_batch();
  const at::Tensor whole = model.forward_hidden(batch).detach();
  model.set_noise({.dropout = 0.3, .seed = 2});
  const at::Tensor dropped = model.forward_hidden(batch).detach();
  EXPECT_FALSE(whole.equal(dropped));
  EXPECT_FALSE(dropped.equal(model.forward_hidden(batch).detach())) << "another pass";
  const at::NoGradGuard no_gradients;
  EXPECT_TRUE(whole.equal(model.forward_hidden(batch)));
}

// The slope of the loss along its gradient is the gradient's norm, under the same dropout.
TEST(Adapter, GradientUnderDropoutMatchesFiniteDifferences) {
  for (const bool again : {false, true}) {
    Model model = with_adapter(Model::create(small_config(), 7, Precision::kFp32));
    model.make_trainable();
    model.set_noise({.dropout = 0.3, .seed = 2});
    model.set_activation_checkpointing(again);
    const PackedBatch batch = mixed_batch();
    const auto loss = [&] {
      model.begin_update(4);
      return total_loss(model, batch);
    };
    model.backward(loss());
    const at::Tensor g = model.gradients().clone();
    const double norm = g.to(at::kDouble).norm().item<double>(), step = 1e-3 / norm;
    const auto loss_at = [&](double by) {
      model.trained().weights.add_(g, by);
      model.refresh_compute_copy();
      return loss().item<double>();
    };
    const double above = loss_at(step), below = loss_at(-2 * step);
    EXPECT_NEAR((above - below) / (2 * step * norm), norm, 0.01 * norm) << again;
  }
}

TEST(Adapter, TrainsTheScoreHeadWhole) {
  Model model = Model::create(small_config(), 9, Precision::kFp32).with_score_head(3);
  const at::Tensor frozen = model.parameter("score.weight").clone();
  model.add_adapter(small_adapter(), 3);
  model.make_trainable();
  Optimizer optimizer(model, {});
  const PackedBatch batch = mixed_batch();
  const std::vector<int32_t> rows = {4, 74};
  model.backward(scalar_head(model.forward_hidden(batch), model.head(), rows).sum());
  EXPECT_TRUE(optimizer.step(1e-2).applied);
  const at::NoGradGuard no_gradients;
  const at::Tensor trained = scalar_head(model.forward_hidden(batch), model.head(), rows);
  model.merge_adapter();
  EXPECT_LT(relative_error(scalar_head(model.forward_hidden(batch), model.head(), rows), trained),
            1e-5);
  EXPECT_FALSE(frozen.equal(model.parameter("score.weight")));
}

}  // namespace
}  // namespace lehr::lm
