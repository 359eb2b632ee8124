// Adapters against the float64 reference of the merged model.
#include "lm/lora.h"

#include <ATen/core/grad_mode.h>
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
