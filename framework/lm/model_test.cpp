// The model against the float64 reference, and the invariances training relies on.
#include "lm/model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "lm/optimizer.h"
#include "lm/random.h"
#include "lm/reference_model.h"
#include "lm/small_model.h"

namespace lehr::lm {
namespace {

void expect_gradients_match(const Model& model, const ReferenceModel& reference, double bound) {
  for (const ParameterSlot& slot : model.slots()) {
    const at::Tensor& expected = reference.weights.at(slot.name).grad();
    ASSERT_TRUE(expected.defined()) << slot.name;
    EXPECT_LT(relative_error(model.gradient(slot.name), expected), bound) << slot.name;
  }
}

struct Shape {
  Family family;
  bool tied, scaled;

  ModelConfig config() const {
    ModelConfig c = small_config(tied);
    c.family = family;
    // 256 positions of 10 dimensions hold slow, fast and blended rotations.
    if (scaled) c.rope_scaling = {4.0, 1.0, 8.0, 128};
    return c;
  }
};

class ModelAgainstReference : public testing::TestWithParam<Shape> {};

// float32 against float64: rounding of a few hundred terms, 1e-5 leaves a wide margin over 1e-6.
TEST_P(ModelAgainstReference, LossAndEveryGradientAgree) {
  Model model = disturbed(Model::create(GetParam().config(), 7, Precision::kFp32));
  model.make_trainable();
  const ReferenceModel reference(model);
  const PackedBatch batch = mixed_batch();
  const at::Tensor hidden = model.forward_hidden(batch);
  const at::Tensor expected_hidden = reference.hidden(batch);
  EXPECT_LT(relative_error(hidden, expected_hidden), 1e-5);

  const CrossEntropy result = linear_cross_entropy(hidden, model.head(), batch.loss_entries);
  const at::Tensor expected_nll =
      ReferenceModel::pick_targets(reference.log_softmax(expected_hidden, batch), batch).neg();
  EXPECT_LT(relative_error(result.nll, expected_nll), 1e-5);
  std::vector<float> weights;
  for (const LossEntry& entry : batch.loss_entries) weights.push_back(entry.weight);
  const at::Tensor expected_loss = (expected_nll * at::tensor(weights)).sum();
  EXPECT_LT(relative_error(result.loss, expected_loss), 1e-5);
  model.backward(result.loss * 0.5);
  (expected_loss * 0.5).backward();
  expect_gradients_match(model, reference, 1e-5);
}

TEST_P(ModelAgainstReference, TokenLogprobsAndEntropyAgreeAtATemperature) {
  Model model = disturbed(Model::create(GetParam().config(), 8, Precision::kFp32));
  model.make_trainable();
  const ReferenceModel reference(model);
  const PackedBatch batch = mixed_batch();
  const at::Tensor hidden = model.forward_hidden(batch);
  const TokenLogprobs result = token_logprobs(hidden, model.head(), batch.loss_entries, 0.7);
  const at::Tensor expected_hidden = reference.hidden(batch);
  const at::Tensor all = reference.log_softmax(expected_hidden, batch, 0.7);
  const at::Tensor picked = ReferenceModel::pick_targets(all, batch);
  const at::Tensor entropy = (all.exp() * all).sum(-1).neg();
  EXPECT_LT(relative_error(result.logprobs, picked), 1e-5);
  EXPECT_LT(relative_error(result.entropy, entropy), 1e-5);
  std::vector<int64_t> targets;
  for (const LossEntry& entry : batch.loss_entries) targets.push_back(entry.target);
  EXPECT_TRUE(result.correct.equal(all.argmax(1).eq(at::tensor(targets))));

  model.backward((result.logprobs * result.logprobs).sum() + 0.3 * result.entropy.sum());
  ((picked * picked).sum() + 0.3 * entropy.sum()).backward();
  expect_gradients_match(model, reference, 2e-5);
}

INSTANTIATE_TEST_SUITE_P(Families, ModelAgainstReference,
                         testing::Values(Shape{Family::kLlama, true, false},
                                         Shape{Family::kLlama, false, true},
                                         Shape{Family::kQwen2, true, false},
                                         Shape{Family::kQwen3, false, false}));

TEST(Model, ScoreHeadGradientsAgreeWithTheReference) {
  Model model = Model::create(small_config(), 9, Precision::kFp32).with_score_head(3);
  model.make_trainable();
  const ReferenceModel reference(model);
  const PackedBatch batch = mixed_batch();
  const std::vector<int32_t> rows = {4, 74, 74, 127, 136};
  const at::Tensor scores = scalar_head(model.forward_hidden(batch), model.head(), rows);
  const at::Tensor expected =
      at::matmul(reference.hidden(batch).index_select(0, at::tensor(rows).to(at::kLong)),
                 reference.head_weight().t())
          .squeeze(1);
  EXPECT_LT(relative_error(scores, expected), 1e-5);
  model.backward((scores * scores).sum());
  (expected * expected).sum().backward();
  expect_gradients_match(model, reference, 1e-5);
}

TEST(Model, AValueHeadStandsBesideTheLanguageHead) {
  for (const bool tied : {true, false}) {
    const Model plain = Model::create(small_config(tied), 9, Precision::kFp32);
    Model model = plain.with_value_head();
    EXPECT_EQ(at::count_nonzero(model.score_head().weight).item<int64_t>(), 0);
    model.parameter("score.weight").fill_(0.5);
    const PackedBatch batch = mixed_batch();
    const at::Tensor hidden = model.forward_hidden(batch);
    EXPECT_TRUE(at::equal(model.logits(hidden), plain.logits(plain.forward_hidden(batch))));
    const std::vector<int32_t> rows = {4, 74};
    const at::Tensor values = scalar_head(hidden, model.score_head(), rows);
    EXPECT_LT(relative_error(values, hidden.index_select(0, at::tensor({4, 74})).sum(1) * 0.5),
              1e-5);
    EXPECT_THROW(plain.score_head(), std::logic_error);

    const auto dir = std::filesystem::path(testing::TempDir()) / "lm_model_value_head";
    model.save(dir);
    const Model read = Model::load(dir, Precision::kFp32);
    EXPECT_EQ(read.config(), plain.config());
    EXPECT_TRUE(at::equal(read.weights(), plain.weights()));
  }
}

TEST(Model, PackedEqualsUnpacked) {
  const Model model = Model::create(small_config(), 1, Precision::kFp32);
  PackedBatch packed, first, second;
  append(packed, 37, 11);
  append(packed, 50, 12);
  append(first, 37, 11);
  append(second, 50, 12);
  const at::Tensor together = model.forward_hidden(packed);
  // Not bit-equal: the matrix products of another N round differently.
  EXPECT_LT(relative_error(together.narrow(0, 0, 37), model.forward_hidden(first)), 1e-6);
  EXPECT_LT(relative_error(together.narrow(0, 37, 50), model.forward_hidden(second)), 1e-6);
}

TEST(Model, SharedPromptEqualsPromptsComputedTwice) {
  Model model = Model::create(small_config(), 2, Precision::kFp32);
  model.make_trainable();
  PackedBatch shared;
  append(shared, 21, 31);
  append(shared, 11, 32, 0, 21);
  append(shared, 45, 33, 0, 21);
  PackedBatch separate;
  const auto copy = [&](int32_t answer_begin, int32_t answer_end) {
    const auto begin = static_cast<int32_t>(separate.size());
    for (int32_t r = 0; r < 21; ++r) separate.ids.push_back(shared.ids[static_cast<size_t>(r)]);
    for (int32_t r = answer_begin; r < answer_end; ++r) {
      separate.ids.push_back(shared.ids[static_cast<size_t>(r)]);
    }
    const auto end = static_cast<int32_t>(separate.size());
    for (int32_t r = begin; r < end; ++r) separate.positions.push_back(r - begin);
    separate.segments.push_back({begin, end, 0, 0});
    for (int32_t r = begin + 20; r + 1 < end; ++r) {
      separate.loss_entries.push_back({r, separate.ids[static_cast<size_t>(r + 1)], 1.0f, 0});
    }
  };
  copy(21, 32);
  copy(32, 77);
  // The answers' tokens in the shared layout: first token from the prompt's last row.
  shared.loss_entries.clear();
  for (const Segment& s : {shared.segments[1], shared.segments[2]}) {
    shared.loss_entries.push_back({20, shared.ids[static_cast<size_t>(s.begin)], 1.0f, 0});
    for (int32_t r = s.begin; r + 1 < s.end; ++r) {
      shared.loss_entries.push_back({r, shared.ids[static_cast<size_t>(r + 1)], 1.0f, 0});
    }
  }
  const at::Tensor one = total_loss(model, shared);
  model.backward(one);
  const at::Tensor shared_gradients = model.gradients().clone();
  model.zero_gradients();
  const at::Tensor two = total_loss(model, separate);
  model.backward(two);
  EXPECT_LT(relative_error(one, two), 1e-6);
  EXPECT_LT(relative_error(shared_gradients, model.gradients()), 1e-5);
}

TEST(Model, MicroBatchesAccumulateToTheWholeBatch) {
  Model model = Model::create(small_config(), 3, Precision::kFp32);
  model.make_trainable();
  PackedBatch whole, first, second;
  append(whole, 30, 21);
  append(whole, 44, 22);
  append(first, 30, 21);
  append(second, 44, 22);
  model.backward(total_loss(model, whole));
  const at::Tensor expected = model.gradients().clone();
  model.zero_gradients();
  model.backward(total_loss(model, first));
  model.backward(total_loss(model, second));
  EXPECT_LT(relative_error(model.gradients(), expected), 1e-5);
}

TEST(Model, CheckpointingChangesNoBit) {
  Model model = Model::create(small_config(), 4, Precision::kFp32);
  model.make_trainable();
  const PackedBatch batch = mixed_batch();
  model.backward(total_loss(model, batch));
  const at::Tensor plain = model.gradients().clone();
  model.zero_gradients();
  model.set_activation_checkpointing(true);
  model.backward(total_loss(model, batch));
  EXPECT_TRUE(plain.equal(model.gradients()));
}

at::Tensor weights_after_training(Precision precision) {
  Model model = Model::create(small_config(), 5, precision);
  model.make_trainable();
  Optimizer optimizer(model, {});
  for (int step = 0; step < 4; ++step) {
    model.backward(total_loss(model, mixed_batch()));
    EXPECT_TRUE(optimizer.step(1e-3).applied);
  }
  return model.weights();
}

TEST(Model, RepeatedTrainingGivesTheSameBits) {
  EXPECT_TRUE(
      weights_after_training(Precision::kFp32).equal(weights_after_training(Precision::kFp32)));
  if (cpu_has_bf16()) {
    EXPECT_TRUE(
        weights_after_training(Precision::kBf16).equal(weights_after_training(Precision::kBf16)));
  }
}

// bf16 keeps 8 bits: a relative 4e-3 per rounding; through three layers a few per cent remain.
TEST(Model, Bf16StaysNearFp32) {
  if (!cpu_has_bf16()) {
    EXPECT_THROW(parse_precision("bf16"), std::invalid_argument);
    return;
  }
  Model exact = Model::create(small_config(), 6, Precision::kFp32);
  Model rounded = Model::create(small_config(), 6, Precision::kBf16);
  exact.make_trainable();
  rounded.make_trainable();
  const PackedBatch batch = mixed_batch();
  const at::Tensor a = total_loss(exact, batch);
  const at::Tensor b = total_loss(rounded, batch);
  EXPECT_LT(relative_error(a, b), 5e-3);
  exact.backward(a);
  rounded.backward(b);
  EXPECT_LT(relative_error(exact.gradients(), rounded.gradients()), 5e-2);
}

TEST(Model, LearnsASequenceByHeart) {
  Model model = Model::create(small_config(), 10, default_precision());
  model.make_trainable();
  Optimizer optimizer(model, {.weight_decay = 0.0});
  PackedBatch batch;
  append(batch, 40, 77);
  for (LossEntry& entry : batch.loss_entries) entry.weight = 1.0f / 39.0f;
  const double before = total_loss(model, batch).item<double>();
  for (int step = 0; step < 60; ++step) {
    model.backward(total_loss(model, batch));
    optimizer.step(5e-3);
  }
  EXPECT_GT(before, 3.0);
  EXPECT_LT(total_loss(model, batch).item<double>(), 0.1);
}

TEST(Model, SavesAndLoadsTheSameBits) {
  const auto dir = std::filesystem::path(testing::TempDir()) / "lm_model_round_trip";
  const Model model = Model::create(small_config(false), 12, Precision::kFp32);
  model.save(dir);
  const Model loaded = Model::load(dir, Precision::kFp32);
  EXPECT_EQ(loaded.config(), model.config());
  EXPECT_TRUE(loaded.weights().equal(model.weights()));
  std::filesystem::remove_all(dir);
}

TEST(Model, RefusesAFileThatDoesNotFitItsConfig) {
  const auto dir = std::filesystem::path(testing::TempDir()) / "lm_model_misfit";
  ModelConfig config = small_config();
  Model::create(config, 12, Precision::kFp32).save(dir);
  config.intermediate_size += 8;
  write_config(config, dir);
  EXPECT_THROW(Model::load(dir, Precision::kFp32), std::runtime_error);
  std::filesystem::remove_all(dir);
}

TEST(Model, RefusesWeightsThatAreNotFinite) {
  const auto dir = std::filesystem::path(testing::TempDir()) / "lm_model_not_finite";
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Model model = Model::create(small_config(), 12, Precision::kFp32);
    const std::string name = "model.layers.1.mlp.up_proj.weight";
    model.parameter(name).select(0, 2).select(0, 3).fill_(bad);
    model.save(dir);
    try {
      Model::load(dir, Precision::kFp32);
      ADD_FAILURE();
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), (dir / "model.safetensors").string() + ": tensor '" + name +
                                  "' holds values that are not finite");
    }
  }
  std::filesystem::remove_all(dir);
}

// No room is made for what a config claims before the weights bear it out: 3 x 10^14 bytes here.
TEST(Model, RefusesAConfigThatClaimsMoreThanTheFileHolds) {
  const auto dir = std::filesystem::path(testing::TempDir()) / "lm_model_claim";
  ModelConfig config = small_config();
  Model::create(config, 12, Precision::kFp32).save(dir);
  config.hidden_size = 1 << 22;
  config.intermediate_size = 1 << 22;
  write_config(config, dir);
  try {
    Model::load(dir, Precision::kFp32);
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("config.json implies"), std::string::npos)
        << error.what();
  }
  std::filesystem::remove_all(dir);
}

TEST(Model, CachedAttentionEqualsPackedAttention) {
  const HeadShape shape{4, 2, 10};
  const at::Tensor qkv = Model::create(small_config(), 13, Precision::kFp32)
                             .embedding()
                             .slice(0, 0, 80)
                             .repeat({1, 2})
                             .slice(1, 0, shape.qkv_width())
                             .contiguous();
  PackedBatch batch;
  append(batch, 50, 1);
  append(batch, 30, 2, 0, 50);
  const at::Tensor packed = packed_attention(qkv, batch.segments, shape);
  const float* keys = qkv.data_ptr<float>() + 40;
  const float* values = keys + 20;
  const int64_t stride = shape.qkv_width();
  const std::vector<KeyRange> ranges = {{keys, values, 50, stride, 10},
                                        {keys + 50 * stride, values + 50 * stride, 30, stride, 10}};
  const at::Tensor last = cached_attention(qkv.slice(1, 0, 40).narrow(0, 79, 1),
                                           std::vector<std::vector<KeyRange>>{ranges}, shape);
  EXPECT_LT(relative_error(last[0], packed[79]), 1e-6);
}

TEST(PackedBatch, IsRefusedWhenItBreaksItsRules) {
  PackedBatch batch = mixed_batch();
  EXPECT_NO_THROW(check_batch(batch, 97, 256));
  EXPECT_THROW(check_batch(batch, 50, 256), std::invalid_argument);  // a token too large
  EXPECT_THROW(check_batch(batch, 97, 60), std::invalid_argument);   // a position too far
  PackedBatch hole = batch;
  hole.segments[1].begin += 1;
  EXPECT_THROW(check_batch(hole, 97, 256), std::invalid_argument);
  PackedBatch straddling = batch;
  straddling.segments[3].prefix_begin = 70;
  EXPECT_THROW(check_batch(straddling, 97, 256), std::invalid_argument);
  PackedBatch stray = batch;
  stray.loss_entries[0].row = 1000;
  EXPECT_THROW(check_batch(stray, 97, 256), std::invalid_argument);
}

}  // namespace
}  // namespace lehr::lm
