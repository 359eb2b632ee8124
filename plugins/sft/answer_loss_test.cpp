// The packed loss against the slow reading of its formula: every conversation alone, whole logits,
// softmax in double.
#include "answer_loss.h"

#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lm/random.h"
#include "lm/sequence_feed.h"
#include "lm/stored_sequences_test.h"

namespace lehr::plugins::sft {
namespace {

using lm::Random;

lm::ModelConfig tiny() {
  lm::ModelConfig config;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 8;
  config.vocab_size = 70;
  config.max_position_embeddings = 64;
  config.initializer_range = 0.3;  // far from uniform predictions
  return config;
}

std::vector<lm::Sequence> conversations() {
  const Random random(11, lm::Purpose::kUser);
  std::vector<lm::Sequence> sequences;
  for (std::uint64_t i = 0; i < 12; ++i) {
    lm::Sequence s;
    const std::uint64_t length = 5 + random.below(i, 30);
    for (std::uint64_t j = 0; j < length; ++j) {
      s.trunk.ids.push_back(static_cast<std::int32_t>(random.below(1000 * (i + 1) + j, 70)));
      s.trunk.weights.push_back(j >= length / 2 ? 1.0f : 0.0f);
    }
    sequences.push_back(std::move(s));
  }
  sequences[3].trunk.weights.assign(sequences[3].trunk.ids.size(), 0.5f);
  return sequences;
}

std::vector<lm::Packed> packed(const std::vector<lm::Sequence>& sequences, std::int64_t row) {
  lm::SequenceFeedOptions options;
  options.row_tokens = row;
  std::vector<lm::Packed> rows;
  lm::SequenceFeed(lm::stored(sequences), options).for_each_row([&](const lm::Packed& packed) {
    rows.push_back(packed);
  });
  return rows;
}

AnswerTally slow_reference(const lm::Model& model, const std::vector<lm::Sequence>& sequences) {
  AnswerTally tally;
  for (const lm::Sequence& sequence : sequences) {
    lm::Packed alone;
    lm::append(alone, sequence, 0);
    const auto& [ids, weights] = sequence.trunk;
    tally.tokens += static_cast<std::int64_t>(ids.size());
    const at::Tensor logits = model.logits(model.forward_hidden(alone.batch));
    const std::int64_t vocabulary = logits.size(1);
    for (std::size_t t = 1; t < ids.size(); ++t) {
      if (weights[t] == 0) continue;
      const float* z = logits.data_ptr<float>() + static_cast<std::int64_t>(t - 1) * vocabulary;
      double sum = 0;
      std::int64_t best = 0;
      for (std::int64_t v = 0; v < vocabulary; ++v) {
        sum += std::exp(double{z[v]});
        if (z[v] > z[best]) best = v;
      }
      for (std::int64_t v = 0; v < vocabulary; ++v) {
        const double logp = z[v] - std::log(sum);
        tally.entropy -= std::exp(logp) * logp;
        if (v == ids[t]) tally.weighted_nll -= weights[t] * logp;
      }
      tally.weight += weights[t];
      tally.correct += best == ids[t];
      ++tally.trained;
    }
  }
  return tally;
}

TEST(AnswerLoss, EqualsTheSlowReferenceHoweverItIsPacked) {
  lm::start_runtime(2);
  const at::NoGradGuard no_gradients;
  const lm::Model model = lm::Model::create(tiny(), 5, lm::Precision::kFp32);
  const AnswerTally expected = slow_reference(model, conversations());
  for (const std::int64_t row : {1, 64, 1000}) {
    const AnswerTally tally = answer_loss(model, packed(conversations(), row));
    // fp32 sums in another order.
    EXPECT_NEAR(tally.loss(), expected.loss(), 1e-5 * expected.loss()) << row;
    EXPECT_NEAR(tally.mean_entropy(), expected.mean_entropy(), 1e-5) << row;
    EXPECT_EQ(tally.mean_accuracy(), expected.mean_accuracy()) << row;
    EXPECT_EQ(tally.tokens, expected.tokens);
    EXPECT_EQ(tally.trained, expected.trained);
  }
}

// Micro-batches of any size give the gradient of the mean over the whole step, not a mean of means.
TEST(AnswerLoss, GradientDoesNotDependOnThePacking) {
  lm::start_runtime(2);
  lm::Model model = lm::Model::create(tiny(), 5, lm::Precision::kFp32);
  model.make_trainable();
  answer_loss(model, packed(conversations(), 1000));
  const at::Tensor whole = model.gradients().clone();
  model.zero_gradients();
  answer_loss(model, packed(conversations(), 40));
  const float* a = whole.data_ptr<float>();
  const float* b = model.gradients().data_ptr<float>();
  double difference = 0, norm = 0;
  for (std::int64_t i = 0; i < whole.numel(); ++i) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    norm += a[i] * a[i];
  }
  EXPECT_GT(norm, 0);
  EXPECT_LT(std::sqrt(difference / norm), 1e-5);
}

TEST(AnswerLoss, GradientMatchesFiniteDifferences) {
  lm::start_runtime(2);
  lm::Model model = lm::Model::create(tiny(), 5, lm::Precision::kFp32);
  model.make_trainable();
  const auto rows = packed(conversations(), 100);
  answer_loss(model, rows);
  const at::NoGradGuard no_gradients;
  // Along the gradient itself, where the slope is its norm: steep enough for fp32 losses.
  const at::Tensor g = model.gradients().clone();
  double norm = 0;
  for (std::int64_t i = 0; i < g.numel(); ++i)
    norm += double{g.data_ptr<float>()[i]} * g.data_ptr<float>()[i];
  norm = std::sqrt(norm);
  const double step = 1e-3 / norm;
  const auto loss_at = [&](double by) {
    for (std::int64_t i = 0; i < g.numel(); ++i)
      model.weights().data_ptr<float>()[i] += static_cast<float>(by * g.data_ptr<float>()[i]);
    model.refresh_compute_copy();
    return answer_loss(model, rows).loss();
  };
  const double above = loss_at(step), below = loss_at(-2 * step);
  EXPECT_NEAR((above - below) / (2 * step * norm), norm, 0.02 * norm);
}

}  // namespace
}  // namespace lehr::plugins::sft
