// The same models on another device as by our kernels on the CPU: through ATen on the CPU, and,
// where LibTorch has CUDA, on a GPU.
#include "lm/device.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "lm/checkpoint.h"
#include "lm/fake_host.h"
#include "lm/generator.h"
#include "lm/optimizer.h"
#include "lm/reference_model.h"
#include "lm/small_model.h"

namespace lehr::lm {
namespace {

class Elsewhere : public ::testing::TestWithParam<const char*> {
 protected:
  void go() {
    if (std::string(GetParam()) == "cuda")
      choose_device("cuda");
    else
      through_aten_.emplace();
  }
  void TearDown() override {
    through_aten_.reset();
    choose_device("cpu");
  }
  // Where the GPU lacks bf16 it is refused, and there is nothing to test.
  bool computes_bf16() const {
    if (device().is_cpu() || gpu_has_bf16()) return true;
    EXPECT_THROW(parse_precision("bf16"), std::invalid_argument);
    return false;
  }

 private:
  std::optional<ThroughAten> through_aten_;
};

#ifdef LEHR_TORCH_CUDA
INSTANTIATE_TEST_SUITE_P(Devices, Elsewhere, ::testing::Values("aten", "cuda"));
#else
INSTANTIATE_TEST_SUITE_P(Devices, Elsewhere, ::testing::Values("aten"));
#endif

// Of every family, with heads that flash attention takes and heads that it does not.
std::vector<ModelConfig> configs() {
  std::vector<ModelConfig> all;
  for (const Family family : {Family::kLlama, Family::kQwen2, Family::kQwen3}) {
    for (const int64_t head_dim : {10, 16}) {
      ModelConfig config = small_config(family != Family::kQwen2);
      config.family = family;
      config.head_dim = head_dim;
      if (head_dim == 16) config.vocab_size = 104;  // rows of logits that our GPU kernels take
      all.push_back(config);
    }
  }
  return all;
}

std::string name(const ModelConfig& config) {
  return family_name(config.family) + " of head width " + std::to_string(config.head_dim);
}

// What a pass gives, on the host.
struct Pass {
  at::Tensor hidden, loss, nll, correct, gradients;
};
Pass pass(const ModelConfig& config, Precision precision, const PackedBatch& batch,
          bool checkpointing = false) {
  Model model = Model::create(config, 7, precision);
  model.make_trainable();
  model.set_activation_checkpointing(checkpointing);
  const at::Tensor hidden = model.forward_hidden(batch);
  const CrossEntropy ce = linear_cross_entropy(hidden, model.head(), batch.loss_entries);
  model.backward(ce.loss);
  return {on_host(hidden.detach()), ce.loss.detach(), ce.nll, ce.correct,
          on_host(model.gradients())};
}

TEST_P(Elsewhere, PassesEqualThoseOfOurKernels) {
  const PackedBatch batch = mixed_batch();
  for (const ModelConfig& config : configs()) {
    const Pass expected = pass(config, Precision::kFp32, batch);
    go();
    for (const bool checkpointing : {false, true}) {
      const Pass found = pass(config, Precision::kFp32, batch, checkpointing);
      EXPECT_LT(relative_error(found.hidden, expected.hidden), 1e-5) << name(config);
      EXPECT_LT(relative_error(found.loss, expected.loss), 1e-5) << name(config);
      EXPECT_LT(relative_error(found.nll, expected.nll), 1e-5) << name(config);
      EXPECT_LT(relative_error(found.gradients, expected.gradients), 2e-5) << name(config);
      EXPECT_TRUE(found.correct.equal(expected.correct)) << name(config);
    }
    TearDown();
  }
}

// Bounds as in Model.Bf16StaysNearFp32, over rows with and without shared prompts.
TEST_P(Elsewhere, Bf16StaysNearFp32) {
  PackedBatch apart;
  append(apart, 5, 1);
  append(apart, 130, 2);
  for (const PackedBatch& batch : {mixed_batch(), apart}) {
    for (const ModelConfig& config : configs()) {
      const Pass expected = pass(config, Precision::kFp32, batch);
      go();
      if (!computes_bf16()) return;
      const Pass found = pass(config, Precision::kBf16, batch);
      EXPECT_LT(relative_error(found.loss, expected.loss), 5e-3) << name(config);
      EXPECT_LT(relative_error(found.gradients, expected.gradients), 6e-2) << name(config);
      TearDown();
    }
  }
}

TEST_P(Elsewhere, PassesGiveTheSameBitsTwice) {
  go();
  if (!computes_bf16()) return;
  ModelConfig config = small_config();
  config.head_dim = 16;
  PackedBatch batch = mixed_batch();
  for (uint64_t i = 0; i < 20; ++i) append(batch, 200, 10 + i);
  const Pass once = pass(config, Precision::kBf16, batch);
  for (int again = 0; again < 3; ++again) {
    const Pass found = pass(config, Precision::kBf16, batch);
    EXPECT_TRUE(found.hidden.equal(once.hidden));
    EXPECT_TRUE(found.gradients.equal(once.gradients));
  }
}

// Log-probabilities and entropies at a temperature, and what their gradients make of the weights.
std::vector<at::Tensor> scored(const PackedBatch& batch, int64_t vocabulary) {
  ModelConfig config = small_config();
  config.vocab_size = vocabulary;
  Model model = Model::create(config, 7, Precision::kFp32);
  model.make_trainable();
  const TokenLogprobs found =
      token_logprobs(model.forward_hidden(batch), model.head(), batch.loss_entries, 0.7);
  const at::Tensor weights = at::arange(found.logprobs.size(0), at::kFloat);
  model.backward((found.logprobs * weights.sin()).sum() + (found.entropy * weights.cos()).sum());
  Model critic = model.with_score_head(3);
  critic.make_trainable();
  const std::vector<int32_t> rows = {4, 74, 4, 20};
  const at::Tensor values = scalar_head(critic.forward_hidden(batch), critic.head(), rows);
  critic.backward((values * at::arange(1, 5, at::kFloat)).sum());
  return {found.logprobs.detach(), found.entropy.detach(),     found.mean_logit,
          values.detach(),         on_host(model.gradients()), on_host(critic.gradients())};
}

TEST_P(Elsewhere, HeadsEqualThoseOfOurKernels) {
  const PackedBatch batch = mixed_batch();
  for (const int64_t vocabulary : {97, 104}) {
    const std::vector<at::Tensor> expected = scored(batch, vocabulary);
    go();
    const std::vector<at::Tensor> found = scored(batch, vocabulary);
    TearDown();
    for (size_t i = 0; i < expected.size(); ++i)
      EXPECT_LT(relative_error(found[i], expected[i]), 2e-5) << "result " << i;
  }
}

at::Tensor after_training(const char* kind, bool adapter) {
  Model model = Model::create(small_config(), 7, Precision::kFp32);
  if (adapter) {
    LoraOptions options;
    options.rank = 3;
    model.add_adapter(options, 21);
  }
  model.make_trainable();
  Optimizer optimizer(model, {.kind = kind, .max_grad_norm = 0.5});
  for (int step = 0; step < 4; ++step) {
    model.backward(total_loss(model, mixed_batch()));
    EXPECT_TRUE(optimizer.step(1e-2).applied);
  }
  model.merge_adapter();
  return on_host(model.weights());
}

TEST_P(Elsewhere, UpdatesEqualThoseOfOurKernels) {
  for (const char* kind : {"adamw", "muon"}) {
    for (const bool adapter : {false, true}) {
      if (adapter && std::string(kind) == "muon") continue;
      const at::Tensor expected = after_training(kind, adapter);
      go();
      EXPECT_LT(relative_error(after_training(kind, adapter), expected), 1e-4)
          << kind << ", adapter " << adapter;
      TearDown();
    }
  }
}

TEST_P(Elsewhere, ANormThatIsNotFiniteChangesNothing) {
  go();
  Model model = Model::create(small_config(), 7, Precision::kFp32);
  model.make_trainable();
  Optimizer optimizer(model, {});
  const at::Tensor before = on_host(model.weights()).clone();
  model.gradients().fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(optimizer.step(1e-2).applied);
  EXPECT_TRUE(before.equal(on_host(model.weights())));
}

std::vector<Generation> answers(Precision precision, double temperature, int64_t head_dim) {
  ModelConfig config = small_config();
  config.head_dim = head_dim;
  if (head_dim == 16) config.vocab_size = 104;  // the GPU chooses
  config.initializer_range = 0.4;               // decided logits: no ties within rounding
  const Model model = Model::create(config, 3, precision);
  std::vector<GenerationRequest> requests(11);
  const Random random(5, Purpose::kUser);
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].sample = i;
    for (size_t t = 0; t < 1 + i % 4 * 9; ++t)
      requests[i].prompt.push_back(static_cast<int32_t>(random.below(i % 5 * 64 + t, 97)));
  }
  GenerationOptions options{.sampling = {.temperature = temperature}, .max_new_tokens = 20};
  options.batch = 4;
  return generate(model, requests, options);
}

TEST_P(Elsewhere, AnswersEqualThoseOfOurKernels) {
  for (const int64_t head_dim : {10, 16}) {
    for (const double temperature : {0.0, 0.8}) {
      const auto expected = answers(Precision::kFp32, temperature, head_dim);
      go();
      const auto found = answers(Precision::kFp32, temperature, head_dim);
      TearDown();
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(found[i].tokens, expected[i].tokens) << "answer " << i;
        for (size_t t = 0; t < expected[i].logprobs.size(); ++t)
          EXPECT_NEAR(found[i].logprobs[t], expected[i].logprobs[t], 1e-3);
      }
    }
  }
}

// In bf16 two ways of adding may choose another token somewhere: what was chosen has the
// log-probability that running the whole text gives it.
TEST_P(Elsewhere, Bf16AnswersHaveTheLogprobsOfTheirText) {
  go();
  if (!computes_bf16()) return;
  ModelConfig config = small_config();
  config.head_dim = 16;
  const Model model = Model::create(config, 3, Precision::kBf16);
  std::vector<GenerationRequest> requests;
  for (int32_t i = 0; i < 9; ++i)
    requests.push_back({std::vector<int32_t>(static_cast<size_t>(1 + 6 * i), i), 0});
  GenerationOptions options{.max_new_tokens = 30, .seed = 4, .batch = 5};
  const auto found = generate(model, requests, options);
  const at::NoGradGuard no_gradients;
  for (size_t i = 0; i < found.size(); ++i) {
    PackedBatch batch;
    batch.ids = requests[i].prompt;
    const auto prompt = static_cast<int32_t>(batch.ids.size());
    batch.ids.insert(batch.ids.end(), found[i].tokens.begin(), found[i].tokens.end());
    for (int32_t t = 0; t < static_cast<int32_t>(batch.ids.size()); ++t) {
      batch.positions.push_back(t);
      if (t >= prompt) batch.loss_entries.push_back({t - 1, batch.ids[static_cast<size_t>(t)]});
    }
    batch.segments = {{0, static_cast<int32_t>(batch.ids.size()), 0, 0}};
    const at::Tensor again =
        token_logprobs(model.forward_hidden(batch), model.head(), batch.loss_entries).logprobs;
    EXPECT_LT((again - at::tensor(found[i].logprobs)).abs().max().item<double>(), 0.1)
        << "answer " << i;
  }
}

TEST_P(Elsewhere, CheckpointsGiveBackTheSameBits) {
  const lehr_context host;
  go();
  const auto fresh = [] {
    Model model = Model::create(small_config(), 1, Precision::kFp32);
    model.make_trainable();
    return model;
  };
  Model model = fresh(), other = fresh(), third = fresh();
  Optimizer optimizer(model, {}), again(other, {}), last(third, {});
  const auto step = [](Model& m, Optimizer& o) {
    m.backward(total_loss(m, mixed_batch()));
    o.step(0.01);
  };
  step(model, optimizer);
  const CheckpointPart part = checkpoint_part("model", model.trained(), &optimizer);
  save_checkpoint(host.root / "now", part, nullptr);
  Snapshot snapshot;
  part.add_to(snapshot);
  snapshot.detach();
  step(model, optimizer);  // while the snapshot is not read
  save_checkpoint(host.root / "later", part, &snapshot);
  load_checkpoint(host.root / "now/model", other.trained(), &again);
  load_checkpoint(host.root / "later/model", third.trained(), &last);
  EXPECT_TRUE(on_host(other.weights()).equal(on_host(third.weights())));
  EXPECT_TRUE(on_host(again.exp_avg_sq()).equal(on_host(last.exp_avg_sq())));
  step(other, again);
  EXPECT_TRUE(on_host(other.weights()).equal(on_host(model.weights())));
  model.save(host.root / "saved");
  EXPECT_TRUE(on_host(Model::load(host.root / "saved", Precision::kFp32).weights())
                  .equal(on_host(model.weights())));
}

TEST(ChooseDevice, RefusesWhatIsNotThere) {
  EXPECT_THROW(choose_device("tpu"), Error);
#ifndef LEHR_TORCH_CUDA
  try {
    choose_device("cuda");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("-DLEHR_LIBTORCH"), std::string::npos);
  }
#endif
  EXPECT_TRUE(device().is_cpu());
}

}  // namespace
}  // namespace lehr::lm
