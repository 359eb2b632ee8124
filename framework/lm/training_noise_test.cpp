#include "lm/training_noise.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lm/small_model.h"

namespace lehr::lm {
namespace {

const std::vector<Segment> kSegments = {{0, 40, 0, 0}, {40, 41, 0, 0}, {41, 200, 0, 0}};

at::Tensor noise_of(const TrainingNoise& noise, int64_t channels = 50) {
  at::Tensor x = at::zeros({200, channels}, at::kFloat);
  noise.add_to_embeddings(x, kSegments);
  return x;
}

// A uniform in +-b has mean 0 and variance b^2 / 3. Of n draws the mean is off by b sqrt(1/3n), the
// mean square by b^2 sqrt(4/45n); five times that never happens by chance.
TEST(TrainingNoise, IsUniformWithinTheBoundOfItsOwnSegment) {
  constexpr int64_t kChannels = 50;
  const at::Tensor x = noise_of({.neftune_alpha = 5, .seed = 3});
  for (const Segment& segment : kSegments) {
    const double n = static_cast<double>(segment.end - segment.begin) * kChannels;
    const double bound = 5 / std::sqrt(n);
    double sum = 0, squares = 0, largest = 0;
    for (int64_t i = segment.begin * kChannels; i < segment.end * kChannels; ++i) {
      const double value = x.data_ptr<float>()[i];
      sum += value;
      squares += value * value;
      largest = std::max(largest, std::abs(value));
    }
    EXPECT_LE(largest, bound * (1 + 1e-6));
    EXPECT_GT(largest, 0.8 * bound);
    EXPECT_NEAR(sum / n, 0, 5 * bound * std::sqrt(1 / (3 * n)));
    EXPECT_NEAR(squares / n, bound * bound / 3, 5 * bound * bound * std::sqrt(4 / (45 * n)));
  }
}

TEST(TrainingNoise, HangsOnSeedUpdateAndPassAlone) {
  const TrainingNoise noise{.neftune_alpha = 5, .seed = 3, .update = 2, .pass = 1};
  const at::Tensor x = noise_of(noise, 13);  // blocks of numbers across rows
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  EXPECT_TRUE(x.equal(noise_of(noise, 13)));
  at::set_num_threads(threads);
  for (uint64_t TrainingNoise::*part :
       {&TrainingNoise::seed, &TrainingNoise::update, &TrainingNoise::pass}) {
    TrainingNoise other = noise;
    ++(other.*part);
    EXPECT_FALSE(x.equal(noise_of(other, 13)));
  }
}

// Of n elements the share that drops has a standard error of sqrt(p (1 - p) / n).
TEST(TrainingNoise, DropsTheShareAndScalesTheRest) {
  const at::Tensor x = at::full({300, 70}, 2.0, at::kFloat);
  for (const double p : {0.05, 0.5, 0.9}) {
    const at::Tensor dropped = TrainingNoise{.dropout = p, .seed = 3}.drop(x, 7);
    double zeros = 0;
    for (int64_t i = 0; i < x.numel(); ++i) {
      const float value = dropped.data_ptr<float>()[i];
      if (value == 0)
        ++zeros;
      else
        ASSERT_FLOAT_EQ(value, static_cast<float>(2 / (1 - p)));
    }
    const auto n = static_cast<double>(x.numel());
    EXPECT_NEAR(zeros / n, p, 5 * std::sqrt(p * (1 - p) / n));
  }
}

TEST(TrainingNoise, DropsTheSameAtTheSamePlaceOnly) {
  const TrainingNoise noise{.dropout = 0.5, .seed = 3, .update = 2, .pass = 1};
  const at::Tensor x = at::full({200, 13}, 1.0, at::kFloat);
  const at::Tensor first = noise.drop(x, 4);
  EXPECT_TRUE(first.equal(noise.drop(x, 4)));
  EXPECT_FALSE(first.equal(noise.drop(x, 5)));
  TrainingNoise later = noise;
  ++later.pass;
  EXPECT_FALSE(first.equal(later.drop(x, 4)));
  const at::Tensor all = TrainingNoise{.seed = 3}.drop(x, 4);
  EXPECT_TRUE(all.equal(x));
}

// In bfloat16 they are the same draws, rounded: by 2^-9 of the noise, at most 1.4, and of the sum;
// of what is dropped by 2^-9 of the factor and of the product.
TEST(TrainingNoise, DrawsTheSameInBf16) {
  const at::Tensor values = at::full({200, 13}, 1.5, at::kFloat);
  at::Tensor x = values.clone(), rounded = values.to(at::kBFloat16);
  const TrainingNoise noise{.neftune_alpha = 5, .dropout = 0.3, .seed = 3, .update = 2};
  noise.add_to_embeddings(x, kSegments);
  noise.add_to_embeddings(rounded, kSegments);
  EXPECT_EQ(rounded.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(rounded.to(at::kFloat).allclose(x, 1.01 / 512, 1.4 / 512));
  const at::Tensor expected = noise.drop(values, 4);
  const at::Tensor found = noise.drop(values.to(at::kBFloat16), 4).to(at::kFloat);
  EXPECT_TRUE(found.eq(0).equal(expected.eq(0)));
  EXPECT_TRUE(found.allclose(expected, 2.02 / 512, 0));
}

Model noisy_model(double alpha) {
  Model model = Model::create(small_config(), 7, Precision::kFp32);
  model.make_trainable();
  model.set_noise({.neftune_alpha = alpha, .seed = 1});
  return model;
}

TEST(TrainingNoise, IsInRecordedPassesAndNowhereElse) {
  const Model plain = noisy_model(0);
  Model noisy = noisy_model(5);
  const PackedBatch batch = mixed_batch();
  const at::Tensor expected = plain.forward_hidden(batch).detach();
  const at::Tensor first = noisy.forward_hidden(batch).detach();
  const at::Tensor second = noisy.forward_hidden(batch).detach();
  EXPECT_FALSE(first.equal(expected));
  EXPECT_FALSE(first.equal(second));
  noisy.begin_update(0);
  EXPECT_TRUE(first.equal(noisy.forward_hidden(batch).detach()));
  noisy.begin_update(1);
  EXPECT_FALSE(first.equal(noisy.forward_hidden(batch).detach()));
  const at::NoGradGuard no_gradients;
  EXPECT_TRUE(expected.equal(noisy.forward_hidden(batch)));
}

// The slope of the loss along its gradient is the gradient's norm, under the same noise.
TEST(TrainingNoise, GradientIsThatOfTheNoisyPass) {
  for (const bool again : {false, true}) {
    Model model = noisy_model(20);
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
      model.weights().add_(g, by);
      model.refresh_compute_copy();
      return loss().item<double>();
    };
    const double above = loss_at(step), below = loss_at(-2 * step);
    EXPECT_NEAR((above - below) / (2 * step * norm), norm, 0.01 * norm) << again;
  }
}

}  // namespace
}  // namespace lehr::lm
