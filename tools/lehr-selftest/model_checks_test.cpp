// Each check of the model is handed something wrong, and sees it. bf16 every processor can compute,
// if slowly.
#include "model_checks.h"

#include <gtest/gtest.h>

#include "lm/reference_model.h"
#include "lm/small_model.h"

namespace lehr::selftest {
namespace {

using namespace lm;

Model trainable(std::uint64_t seed) {
  Model model = Model::create(small_config(), seed, Precision::kFp32);
  model.make_trainable();
  return model;
}

TEST(ReferenceCheck, SeesAnotherRotation) {
  Model model = trainable(7);
  EXPECT_LT(reference_difference(model, ReferenceModel(model), mixed_batch()).difference, 2e-5);
  ReferenceModel reference(model);
  reference.config.rope_theta = 9000;
  model.zero_gradients();
  EXPECT_GT(reference_difference(model, reference, mixed_batch()).difference, 1e-3);
}

TEST(PackedCheck, SeesDocumentsThatSeeEachOther) {
  Model model = trainable(7);
  const PackedBatch batch = mixed_batch();
  const auto alone = documents_of(batch);
  EXPECT_LT(packed_difference(model, batch, alone).difference, 1e-5);
  PackedBatch joined = batch;
  joined.segments[1].begin = joined.segments[0].begin;
  joined.segments.erase(joined.segments.begin());
  EXPECT_GT(packed_difference(model, joined, alone).difference, 1e-2);
  PackedBatch moved = batch;
  for (std::int32_t i = 75; i < 88; ++i) ++moved.positions[static_cast<std::size_t>(i)];
  EXPECT_GT(packed_difference(model, moved, alone).difference, 1e-4);
}

TEST(AdapterCheck, SeesAnAdapterThatIsNotMerged) {
  Model beside = Model::create(small_config(), 7, Precision::kFp32);
  beside.add_adapter({.rank = 4, .alpha = {}}, 3);
  beside.trained().weights.fill_(0.1);
  beside.refresh_compute_copy();
  EXPECT_GT(adapter_difference(beside, beside.base(), mixed_batch()).difference, 1e-2);
  Model merged = beside.clone();
  merged.merge_adapter();
  EXPECT_LT(adapter_difference(beside, merged, mixed_batch()).difference, 1e-5);
}

TEST(DecodingCheck, SeesAnotherModelsProbabilities) {
  const Model model = Model::create(small_config(), 3, Precision::kFp32);
  EXPECT_LT(decoding_difference(model, model).difference, 1e-4);
  Model other = model.clone();
  other.parameter("model.norm.weight").mul_(1.01);
  other.refresh_compute_copy();
  EXPECT_GT(decoding_difference(model, other).difference, 1e-3);
}

TEST(RewardCheck, SeesAnotherModelsScores) {
  const Model model = Model::create(small_config(), 9, Precision::kFp32).with_score_head(3);
  EXPECT_LT(reward_difference(model, model).difference, 1e-5);
  Model other = model.clone();
  other.parameter("score.weight").mul_(1.01);
  other.refresh_compute_copy();
  EXPECT_GT(reward_difference(model, other).difference, 1e-3);
}

// What checks.cpp allows in bf16; measured 0.09, 0.003, 0.03, 0.003 and 0.
TEST(ModelChecks, HoldInBf16) {
  Model model = disturbed(Model::create(small_config(), 7, Precision::kBf16));
  model.make_trainable();
  const PackedBatch batch = mixed_batch();
  EXPECT_LT(reference_difference(model, ReferenceModel(model), batch).difference, 0.2);
  EXPECT_LT(packed_difference(model, batch, documents_of(batch)).difference, 0.02);
  Model beside = Model::create(small_config(), 7, Precision::kBf16);
  beside.add_adapter({.rank = 4, .alpha = {}}, 3);
  beside.trained().weights.add_(0.03);
  beside.refresh_compute_copy();
  Model merged = beside.clone();
  merged.merge_adapter();
  EXPECT_LT(adapter_difference(beside, merged, batch).difference, 0.1);
  const Model drawing = Model::create(small_config(), 3, Precision::kBf16);
  EXPECT_LT(decoding_difference(drawing, drawing).difference, 0.1);
  const Model judge = drawing.with_score_head(3);
  EXPECT_LT(reward_difference(judge, judge).difference, 0.05);
}

}  // namespace
}  // namespace lehr::selftest
