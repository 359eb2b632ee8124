// The differentiable heads against plain loops in double: losses and log-probabilities of entries
// chunk by chunk, and what backward makes of them against the slopes of the loops.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <functional>

#include "lm/operators.h"
#include "lm/reference_model.h"
#include "lm/slow_operators_test.h"

namespace lehr::lm {
namespace {

using slow::Row;

constexpr int64_t kHidden = 6, kVocabulary = 11, kHiddenRows = 40;

// Logits of a vocabulary this small come in chunks of 1024.
std::vector<LossEntry> entries_of(size_t count, bool in_order) {
  std::vector<LossEntry> entries;
  for (size_t i = 0; i < count; ++i)
    entries.push_back({static_cast<int32_t>(in_order ? i + 3 : i * i % kHiddenRows),
                       static_cast<int32_t>(i * 7 % kVocabulary), 0.1f * static_cast<float>(i % 5),
                       0});
  return entries;
}

class DifferentiableHeads : public testing::TestWithParam<at::ScalarType> {
 protected:
  // bfloat16 rounds the logits, near 8 by 0.016, and so every probability.
  double bound() const { return GetParam() == at::kBFloat16 ? 1.5e-2 : 1e-5; }

  at::Tensor random(int64_t rows, int64_t columns, uint64_t stream) const {
    return at::tensor(slow::normals(static_cast<size_t>(rows * columns), stream), at::kDouble)
        .view({rows, columns})
        .to(GetParam());
  }
  at::Tensor hidden() const { return random(kHiddenRows, kHidden, 1).requires_grad_(true); }
  LinearHead head(bool trained = true, int64_t rows = kVocabulary) const {
    LinearHead out{random(rows, kHidden, 2), {}};
    if (trained) out.gradient = at::full({rows, kHidden}, 0.5, at::kFloat);
    return out;
  }
};

INSTANTIATE_TEST_SUITE_P(Precisions, DifferentiableHeads,
                         testing::Values(at::kFloat, at::kBFloat16), [](const auto& info) {
                           return info.param == at::kFloat ? "Fp32" : "Bf16";
                         });

Row doubles(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).contiguous().view({-1});
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

Row logits_at(const Row& hidden, const Row& weight, int32_t row) {
  const auto width = static_cast<size_t>(kHidden);
  const Row x = slow::part(hidden, static_cast<size_t>(row) * width, width);
  Row out;
  for (size_t v = 0; v < weight.size() / width; ++v)
    out.push_back(slow::dot(x, slow::part(weight, v * width, width)));
  return out;
}

using EntryLoss = std::function<double(const Row& logits, size_t entry)>;

// The sum of an entry's loss over entries, by hidden states and by the head's weight.
struct Slopes {
  at::Tensor hidden, weight;

  Slopes(const Row& h, const Row& w, const std::vector<LossEntry>& entries, const EntryLoss& loss) {
    // A row of hidden states is seen by its own entries alone.
    std::vector<std::vector<size_t>> of_row(static_cast<size_t>(kHiddenRows));
    for (size_t i = 0; i < entries.size(); ++i)
      of_row[static_cast<size_t>(entries[i].row)].push_back(i);
    const auto width = static_cast<size_t>(kHidden);
    Row d_hidden;
    for (size_t r = 0; r < of_row.size(); ++r)
      slow::append(d_hidden, slow::slopes(slow::part(h, r * width, width), [&](const Row& at) {
                     const Row logits = logits_at(at, w, 0);
                     double sum = 0;
                     for (const size_t i : of_row[r]) sum += loss(logits, i);
                     return sum;
                   }));
    hidden = at::tensor(d_hidden, at::kDouble);
    weight = at::tensor(slow::slopes(w,
                                     [&](const Row& at) {
                                       double sum = 0;
                                       for (size_t i = 0; i < entries.size(); ++i)
                                         sum += loss(logits_at(h, at, entries[i].row), i);
                                       return sum;
                                     }),
                        at::kDouble);
  }
};

TEST_P(DifferentiableHeads, CrossEntropyAndItsGradients) {
  for (const auto& [count, in_order] : {std::pair{1100, false}, {30, true}, {1, false}}) {
    const std::vector<LossEntry> entries = entries_of(static_cast<size_t>(count), in_order);
    const at::Tensor h = hidden();
    const LinearHead to = head();
    const CrossEntropy got = linear_cross_entropy(h, to, entries);
    const Row values = doubles(h), weight = doubles(to.weight);
    double loss = 0;
    Row nll;
    for (size_t i = 0; i < entries.size(); ++i) {
      const Row logits = logits_at(values, weight, entries[i].row);
      nll.push_back(-slow::log_softmax(logits)[static_cast<size_t>(entries[i].target)]);
      loss += static_cast<double>(entries[i].weight) * nll.back();
      const double top = *std::max_element(logits.begin(), logits.end());
      const double margin = top - logits[static_cast<size_t>(entries[i].target)];
      if (margin > 0 && margin < 0.1) continue;  // rounding decides
      EXPECT_EQ(got.correct[static_cast<int64_t>(i)].item<bool>(), margin == 0) << i;
    }
    EXPECT_LT(relative_error(got.nll, at::tensor(nll, at::kDouble)), bound());
    EXPECT_NEAR(got.loss.item<double>(), loss, bound() * std::max(loss, 1.0));

    (got.loss * 0.5).backward();
    const Slopes slopes(values, weight, entries, [&](const Row& logits, size_t i) {
      return -0.5 * static_cast<double>(entries[i].weight) *
             slow::log_softmax(logits)[static_cast<size_t>(entries[i].target)];
    });
    EXPECT_LT(relative_error(h.grad(), slopes.hidden), bound()) << count;
    EXPECT_LT(relative_error(to.gradient - 0.5, slopes.weight), bound()) << count;
  }
}

TEST_P(DifferentiableHeads, LogprobsAndEntropyOfATemperatureAndTheirGradients) {
  constexpr double kTemperature = 0.7;
  const std::vector<LossEntry> entries = entries_of(1100, false);
  const Row a = slow::normals(1100, 3), b = slow::normals(1100, 4);
  const at::Tensor by_logprob = at::tensor(a, at::kFloat), by_entropy = at::tensor(b, at::kFloat);
  for (const auto& [use_logprobs, use_entropy] : {std::pair{1, 1}, {1, 0}, {0, 1}}) {
    const at::Tensor h = hidden();
    const LinearHead to = head();
    const TokenLogprobs got = token_logprobs(h, to, entries, kTemperature);
    const Row values = doubles(h), weight = doubles(to.weight);
    Row logprobs, entropies, means;
    for (const LossEntry& entry : entries) {
      const Row logits = logits_at(values, weight, entry.row);
      const Row all = slow::log_softmax(logits, kTemperature);
      logprobs.push_back(all[static_cast<size_t>(entry.target)]);
      entropies.push_back(slow::entropy(all));
      means.push_back(slow::dot(logits, Row(logits.size(), 1.0 / kVocabulary)));
    }
    EXPECT_LT(relative_error(got.logprobs, at::tensor(logprobs, at::kDouble)), bound());
    EXPECT_LT(relative_error(got.entropy, at::tensor(entropies, at::kDouble)), bound());
    EXPECT_LT(relative_error(got.mean_logit, at::tensor(means, at::kDouble)), bound());

    at::Tensor loss = at::zeros({}, at::kFloat);
    if (use_logprobs) loss = loss + (got.logprobs * by_logprob).sum();
    if (use_entropy) loss = loss + (got.entropy * by_entropy).sum();
    loss.backward();
    const Slopes slopes(values, weight, entries, [&](const Row& logits, size_t i) {
      const Row all = slow::log_softmax(logits, kTemperature);
      return use_logprobs * a[i] * all[static_cast<size_t>(entries[i].target)] +
             use_entropy * b[i] * slow::entropy(all);
    });
    EXPECT_LT(relative_error(h.grad(), slopes.hidden), 2 * bound());
    EXPECT_LT(relative_error(to.gradient - 0.5, slopes.weight), 2 * bound());
  }
}

TEST_P(DifferentiableHeads, ScalarHeadAndItsGradients) {
  const std::vector<int32_t> rows = {4, 39, 0, 4, 17};
  const at::Tensor h = hidden();
  const LinearHead to = head(true, 1);
  const at::Tensor got = scalar_head(h, to, rows);
  const Row values = doubles(h), weight = doubles(to.weight), by = slow::normals(5, 3);
  std::vector<LossEntry> entries;
  Row expected;
  for (const int32_t row : rows) {
    entries.push_back({row, 0, 1, 0});
    expected.push_back(logits_at(values, weight, row)[0]);
  }
  EXPECT_LT(relative_error(got, at::tensor(expected, at::kDouble)), 2e-6);
  (got * at::tensor(by, at::kFloat)).sum().backward();
  const Slopes slopes(values, weight, entries,
                      [&](const Row& score, size_t i) { return by[i] * score[0]; });
  EXPECT_LT(relative_error(h.grad(), slopes.hidden), bound());
  EXPECT_LT(relative_error(to.gradient - 0.5, slopes.weight), 2e-6);
}

TEST_P(DifferentiableHeads, AFrozenHeadPassesTheGradientOn) {
  const std::vector<LossEntry> entries = entries_of(30, false);
  const at::Tensor through_trained = hidden(), through_frozen = hidden();
  const LinearHead trained = head(), frozen = head(false);
  linear_cross_entropy(through_trained, trained, entries).loss.backward();
  linear_cross_entropy(through_frozen, frozen, entries).loss.backward();
  EXPECT_TRUE(through_trained.grad().equal(through_frozen.grad()));
  token_logprobs(through_frozen, frozen, entries).logprobs.sum().backward();
  const at::Tensor detached = through_trained.detach();
  const at::Tensor before = trained.gradient.clone();
  linear_cross_entropy(detached, trained, entries).loss.backward();
  EXPECT_FALSE(trained.gradient.equal(before)) << "a head is trained on a frozen trunk too";
  const at::NoGradGuard no_gradients;
  EXPECT_FALSE(linear_cross_entropy(through_trained, trained, entries).loss.requires_grad());
}

TEST_P(DifferentiableHeads, NoEntriesAreNoLossAndNoGradient) {
  const at::Tensor h = hidden();
  const LinearHead to = head(), one = head(true, 1);
  const CrossEntropy loss = linear_cross_entropy(h, to, {});
  EXPECT_EQ(loss.loss.item<float>(), 0);
  EXPECT_EQ(loss.nll.numel(), 0);
  (loss.loss + token_logprobs(h, to, {}).logprobs.sum() + scalar_head(h, one, {}).sum()).backward();
  EXPECT_EQ(h.grad().abs().max().item<float>(), 0);
  EXPECT_TRUE(to.gradient.eq(0.5).all().item<bool>());
}

}  // namespace
}  // namespace lehr::lm
