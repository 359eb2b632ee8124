#include "lm/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "lm/random.h"

namespace lehr::lm {
namespace {

const std::vector<float> kLogits = {0.0f, 2.0f, -1.0f, 2.0f, 1.0f};

TEST(Sampler, GreedyTakesTheFirstOfEquals) {
  const Choice choice = choose(kLogits, {.temperature = 0}, 0.99);
  EXPECT_EQ(choice.token, 1);
  double total = 0;
  for (const float x : kLogits) total += std::exp(static_cast<double>(x));
  EXPECT_NEAR(choice.logprob, 2 - std::log(total), 1e-6);
}

TEST(Sampler, DrawsEachTokenAsOftenAsItsProbabilityAndReportsIt) {
  const SamplingOptions options{.temperature = 0.7};
  double total = 0;
  for (const float x : kLogits) total += std::exp(static_cast<double>(x) / 0.7);
  const Random random(1, Purpose::kSampling);
  constexpr int kDraws = 40000;
  std::vector<int> counts(kLogits.size());
  for (int i = 0; i < kDraws; ++i) {
    const Choice choice = choose(kLogits, options, random.uniform(static_cast<uint64_t>(i)));
    ++counts[static_cast<size_t>(choice.token)];
    const double p =
        std::exp(static_cast<double>(kLogits[static_cast<size_t>(choice.token)]) / 0.7) / total;
    ASSERT_NEAR(choice.logprob, std::log(p), 1e-5);
  }
  for (size_t i = 0; i < kLogits.size(); ++i) {
    const double p = std::exp(static_cast<double>(kLogits[i]) / 0.7) / total;
    // Five standard deviations of a binomial share.
    EXPECT_NEAR(counts[i] / double{kDraws}, p, 5 * std::sqrt(p * (1 - p) / kDraws)) << i;
  }
}

// A token's share of [0, 1) begins where those before it end, across the blocks in which it is
// found.
TEST(Sampler, WalksTheWholeVocabulary) {
  std::vector<float> logits(1000, -200.0f);
  for (size_t i = 3; i < logits.size(); i += 7) logits[i] = static_cast<float>(i % 5) / 4;
  double total = 0;
  for (const float x : logits) total += std::exp(static_cast<double>(x));
  double before = 0;
  for (size_t i = 3; i < logits.size(); i += 7) {
    const double p = std::exp(static_cast<double>(logits[i])) / total;
    for (const double part : {0.001, 0.5, 0.999}) {
      const Choice choice = choose(logits, {}, before + part * p);
      ASSERT_EQ(choice.token, static_cast<int32_t>(i));
      ASSERT_NEAR(choice.logprob, std::log(p), 1e-5);
    }
    before += p;
  }
  EXPECT_EQ(choose(logits, {}, 1.0).token, 997) << "the last with any weight";
}

TEST(Sampler, TopKKeepsTheLikeliestAndRenormalizes) {
  const SamplingOptions options{.top_k = 2};
  for (const double u : {0.0, 0.3, 0.6, 0.999}) {
    const Choice choice = choose(kLogits, options, u);
    EXPECT_TRUE(choice.token == 1 || choice.token == 3);
    EXPECT_NEAR(choice.logprob, std::log(0.5), 1e-6);
  }
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  // Probabilities in order: 0.382 (1), 0.382 (3), 0.141 (4), 0.052 (0), 0.019 (2).
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(choose(kLogits, {.top_p = 0.9}, i / 100.0).token, 0);
    EXPECT_EQ(choose(kLogits, {.top_p = 0.3}, i / 100.0).token, 1);
  }
  EXPECT_EQ(choose(kLogits, {.top_p = 0.9}, 0.999).token, 4);
}

TEST(Sampler, MinPCutsTokensFarBelowTheLikeliest) {
  for (int i = 0; i < 100; ++i) {
    const int token = choose(kLogits, {.min_p = 0.2}, i / 100.0).token;
    EXPECT_TRUE(token == 1 || token == 3 || token == 4) << token;
  }
}

TEST(Sampler, TheLargestUniformNumberStillGivesAToken) {
  const std::vector<float> logits = {5.0f, -200.0f};  // the last one's weight is 0
  EXPECT_EQ(choose(logits, {}, std::nextafter(1.0, 0.0)).token, 0);
}

TEST(Sampler, RefusesOptionsThatCannotBe) {
  EXPECT_THROW(check(SamplingOptions{.temperature = -1}), std::invalid_argument);
  EXPECT_THROW(check(SamplingOptions{.top_p = 0}), std::invalid_argument);
  EXPECT_THROW(check(SamplingOptions{.top_k = -1}), std::invalid_argument);
  EXPECT_THROW(check(SamplingOptions{.min_p = 2}), std::invalid_argument);
  EXPECT_NO_THROW(check(SamplingOptions{}));
}

}  // namespace
}  // namespace lehr::lm
