#include "gradients.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "advantages.h"
#include "lm/small_model_test.h"

namespace lehr::plugins::ppo {
namespace {

constexpr double kBeta = 0.3;

// One minibatch of two groups of three answers in two rows, with old and reference
// log-probabilities off the policy's so far that some ratios are clipped.
struct Minibatch {
  lm::Model policy = lm::Model::create(lm::small_config(), 1, lm::Precision::kFp32);
  Rollouts rollouts;
  std::vector<std::vector<RolloutRow>> rows;
  std::vector<float> old, reference, advantage;
  PpoOptions options;

  explicit Minibatch(const std::string& algorithm) {
    options.algorithm = algorithm;
    options.num_generations = 3;
    std::vector<lm::GenerationRequest> requests;
    std::vector<lm::Generation> answers;
    for (std::int32_t i = 0; i < 6; ++i) {
      requests.push_back({{5, 6, 1 + i / 3}, static_cast<std::uint64_t>(i)});
      lm::Generation answer;
      for (std::int32_t t = 0; t <= i % 4; ++t) answer.tokens.push_back(10 + 7 * i + t);
      answer.logprobs.resize(answer.tokens.size());
      answers.push_back(answer);
    }
    rollouts = make_rollouts(requests, answers, 3, 12);
    rows = whole(rollouts, 12);
    policy.make_trainable();
    for (const float now : token_scores(policy, rows, rollouts.tokens(), 0.7).logprobs) {
      const auto t = static_cast<float>(old.size());
      old.push_back(now + 0.3f * std::sin(1 + t));
      reference.push_back(now + 0.4f * std::cos(2 * t));
    }
    const std::vector<double> kl(rollouts.tokens(), 0.0), scores = {1, 2, 6, -1, 3, 0.5};
    if (!options.chosen().has_critic())
      advantage = advantages(options, kl, {}, rollouts.spans, scores, kBeta).advantages;
    else
      for (const float value : old) advantage.push_back(std::cos(5 * value));
  }

  double gradient(UpdateTally& tally) {
    return policy_gradient(policy, rows.front(), {old, reference, advantage, kBeta}, options, false,
                           tally);
  }

  // The loss as the papers write it.
  double expected() const {
    const auto now = token_scores(policy, rows, rollouts.tokens(), 0.7).logprobs;
    const auto clipped = [](double log_ratio, double a) {
      const double ratio = std::exp(log_ratio);
      return -std::min(ratio * a, std::clamp(ratio, 0.8, 1.2) * a);
    };
    double of_tokens = 0, of_answers = 0, kl = 0;
    for (const lm::AnswerSpan& span : rollouts.spans) {
      double log_ratio = 0;
      for (auto t = static_cast<std::size_t>(span.begin); t < static_cast<std::size_t>(span.end);
           ++t) {
        const double d = double{now[t]} - double{old[t]},
                     k1 = double{now[t]} - double{reference[t]};
        of_tokens += clipped(d, advantage[t]);
        kl += std::exp(-k1) - 1 + k1;
        log_ratio += d;
      }
      of_answers += clipped(log_ratio, advantage[static_cast<std::size_t>(span.begin)]);
    }
    const auto tokens = static_cast<double>(rollouts.tokens());
    if (options.algorithm == "rloo") return of_answers / static_cast<double>(rollouts.answers());
    return (of_tokens + (options.algorithm == "grpo" ? kBeta * kl : 0)) / tokens;
  }
};

class PolicyGradient : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of, PolicyGradient, testing::Values("ppo", "grpo", "rloo"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(PolicyGradient, IsOfTheLossThatThePaperWrites) {
  Minibatch m(GetParam());
  ASSERT_EQ(m.rows.front().size(), 2u);
  UpdateTally tally;
  EXPECT_NEAR(m.gradient(tally), m.expected(), 1e-5);
  EXPECT_GT(tally.clipped, 0);
  EXPECT_LT(tally.clipped, tally.ratios);
  EXPECT_EQ(tally.tokens, static_cast<double>(m.rollouts.tokens()));
  EXPECT_EQ(tally.ratios, m.options.algorithm == "rloo" ? 6 : tally.tokens);

  // Along the gradient the loss changes by its length: h stays clear of ratios at the clip.
  const at::Tensor gradient = m.policy.gradients().clone();
  const double length = lm::global_norm(gradient), h = 2e-4;
  ASSERT_GT(length, 0.01);
  const auto at = [&](double distance) {
    m.policy.weights().add_(gradient, distance / length);
    m.policy.refresh_compute_copy();
    UpdateTally unused;
    const double loss = m.gradient(unused);
    m.policy.weights().sub_(gradient, distance / length);
    return loss;
  };
  EXPECT_NEAR((at(h) - at(-h)) / (2 * h), length, 0.01 * length);
}

TEST_P(PolicyGradient, OfTheFirstMinibatchHasARatioOfExactlyOne) {
  Minibatch m(GetParam());
  m.old = token_scores(m.policy, m.rows, m.rollouts.tokens(), 0.7).logprobs;
  UpdateTally tally;
  const PolicyTargets targets{m.old, m.reference, m.advantage, kBeta};
  policy_gradient(m.policy, m.rows.front(), targets, m.options, true, tally);
  EXPECT_EQ(tally.ratio, tally.ratios);
  m.old[2] += 1e-4f;
  EXPECT_THROW(policy_gradient(m.policy, m.rows.front(), targets, m.options, true, tally), Error);
}

}  // namespace
}  // namespace lehr::plugins::ppo
