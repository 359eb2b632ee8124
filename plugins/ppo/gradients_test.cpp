#include "gradients.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "advantages.h"
#include "lm/small_model.h"
#include "loss_weights.h"

namespace lehr::plugins::ppo {
namespace {

constexpr double kBeta = 0.3;

struct Variant {
  const char* name;
  const char* algorithm;
  void (*set)(PpoOptions& options) = [](PpoOptions&) {};
};
constexpr Variant kVariants[] = {
    {"ppo", "ppo"},
    {"ppo_with_shared_critic", "ppo", [](PpoOptions& o) { o.critic = "shared"; }},
    {"ppo_with_room_above", "ppo", [](PpoOptions& o) { o.epsilon_high = 0.24; }},
    {"grpo", "grpo"},
    {"grpo_as_in_the_paper", "grpo",
     [](PpoOptions& o) {
       o.loss_type = "grpo";
       o.use_bias_correction_kl = false;
     }},
    {"dr_grpo", "grpo",
     [](PpoOptions& o) {
       o.loss_type = "dr_grpo";
       o.scale_rewards = "none";
     }},
    {"gspo", "grpo", [](PpoOptions& o) { o.importance_sampling_level = "sequence"; }},
    {"gspo_by_answers", "grpo",
     [](PpoOptions& o) {
       o.importance_sampling_level = "sequence";
       o.loss_type = "grpo";
     }},
    {"masked", "grpo", [](PpoOptions& o) { o.mask_truncated_completions = true; }},
    {"masked_by_answers", "grpo",
     [](PpoOptions& o) {
       o.mask_truncated_completions = true;
       o.loss_type = "grpo";
     }},
    {"rloo", "rloo"},
};

// One minibatch of two groups of three answers in two rows, one of them cut off, with old and
// reference log-probabilities off the policy's so far that some ratios are clipped.
struct Minibatch {
  lm::Model policy = lm::Model::create(lm::small_config(), 1, lm::Precision::kFp32);
  Rollouts rollouts;
  std::vector<std::vector<RolloutRow>> rows;
  std::vector<float> old, reference, advantage, weights;
  std::vector<float> values, returns;  // of a shared critic
  PpoOptions options;

  explicit Minibatch(const Variant& variant) {
    options.algorithm = variant.algorithm;
    options.num_generations = 3;
    variant.set(options);
    std::vector<lm::GenerationRequest> requests;
    std::vector<lm::Generation> answers;
    for (std::int32_t i = 0; i < 6; ++i) {
      requests.push_back({{5, 6, 1 + i / 3}, static_cast<std::uint64_t>(i)});
      lm::Generation answer;
      for (std::int32_t t = 0; t <= i % 4; ++t) answer.tokens.push_back(10 + 7 * i + t);
      answer.logprobs.resize(answer.tokens.size());
      answer.stopped = i != 2;
      answers.push_back(answer);
    }
    rollouts = make_rollouts(requests, answers, 3, 12);
    rows = whole(rollouts, 12);
    weights = token_weights(options, rollouts);
    if (options.shared_critic()) {
      policy = policy.with_value_head();
      policy.parameter("score.weight").copy_(policy.parameter("model.norm.weight") * 0.02);
    }
    policy.make_trainable();
    const TokenScores before = token_scores(policy, rows, rollouts.tokens(), 0.7);
    for (const float v : before.values) {
      values.push_back(v + 0.4f * std::sin(40 * v));
      returns.push_back(v + std::cos(70 * v));
    }
    for (const float now : before.logprobs) {
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
    const ValueTargets foreseen{values, returns};
    return policy_gradient(
        policy, rows.front(),
        {old, reference, advantage, weights, kBeta, options.shared_critic() ? &foreseen : nullptr},
        options, false, tally);
  }

  // The loss as the papers write it.
  double expected() const {
    const TokenScores scores = token_scores(policy, rows, rollouts.tokens(), 0.7);
    const std::vector<float>& now = scores.logprobs;
    const auto clipped = [&](double log_ratio, double a) {
      const double ratio = std::exp(log_ratio);
      return -std::min(ratio * a,
                       std::clamp(ratio, 0.8, 1 + options.epsilon_high.value_or(0.2)) * a);
    };
    const bool rloo = options.algorithm == "rloo", grpo = options.algorithm == "grpo";
    const bool sequences = options.importance_sampling_level == "sequence";
    double total = 0, tokens = 0;
    for (std::size_t i = 0; i < rollouts.answers(); ++i) {
      if (options.mask_truncated_completions && i == 2) continue;
      const auto begin = static_cast<std::size_t>(rollouts.spans[i].begin),
                 end = static_cast<std::size_t>(rollouts.spans[i].end);
      const auto length = static_cast<double>(end - begin);
      const auto log_ratio = [&](std::size_t t) { return double{now[t]} - double{old[t]}; };
      double sum = 0, terms = 0, kl = 0;
      for (std::size_t t = begin; t < end; ++t) sum += log_ratio(t);
      for (std::size_t t = begin; t < end; ++t) {
        const double d = sequences ? sum / length : log_ratio(t);
        const double k1 = double{now[t]} - double{reference[t]};
        terms += clipped(d, advantage[t]);
        kl += (std::exp(-k1) - 1 + k1) * (options.use_bias_correction_kl ? std::exp(d) : 1);
      }
      tokens += length;
      if (rloo)
        total += clipped(sum, advantage[begin]);
      else
        total += (terms + (grpo ? kBeta * kl : 0)) / (options.loss_type == "grpo" ? length : 1);
    }
    if (rloo || options.loss_type == "grpo") return total / 6;
    for (std::size_t t = 0; t < values.size(); ++t) {
      const double v = scores.values[t], moved = v - double{values[t]};
      const double held = values[t] + std::clamp(moved, -0.2, 0.2);
      total += 0.1 * 0.5 * std::max(std::pow(v - returns[t], 2), std::pow(held - returns[t], 2));
    }
    return total / (options.loss_type == "dr_grpo" ? 6.0 * 48 : tokens);
  }
};

class PolicyGradient : public testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(Of, PolicyGradient, testing::ValuesIn(kVariants),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(PolicyGradient, IsOfTheLossThatThePaperWrites) {
  Minibatch m(GetParam());
  ASSERT_EQ(m.rows.front().size(), 2u);
  UpdateTally tally;
  EXPECT_NEAR(m.gradient(tally), m.expected(), 1e-5);
  EXPECT_GT(tally.clipped, 0);
  EXPECT_LT(tally.clipped, tally.ratios);
  const bool masked = m.options.mask_truncated_completions;
  EXPECT_EQ(tally.tokens, static_cast<double>(m.rollouts.tokens()) - (masked ? 3 : 0));
  EXPECT_EQ(tally.ratios, m.options.ratio_of_answers() ? 6 : tally.tokens);
  if (m.options.shared_critic()) {
    EXPECT_GT(tally.value_clipped, 0);
    EXPECT_LT(tally.value_clipped, tally.tokens);
    EXPECT_GT(lm::global_norm(m.policy.gradient("score.weight")), 0);
  }

  // Along the gradient the loss changes by its length: h stays clear of ratios at the clip.
  const at::Tensor gradient = m.policy.gradients().clone();
  const double length = lm::global_norm(gradient), h = 2e-4;
  ASSERT_GT(length, 0.001);
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
  const PolicyTargets targets{m.old, m.reference, m.advantage, m.weights, kBeta};
  policy_gradient(m.policy, m.rows.front(), targets, m.options, true, tally);
  EXPECT_EQ(tally.ratio, tally.ratios);
  m.old[2] += 1e-3f;
  EXPECT_THROW(policy_gradient(m.policy, m.rows.front(), targets, m.options, true, tally), Error);
}

// As where a policy has not learnt to end its turn: nothing is learnt, and no number is NaN.
TEST(PolicyGradient, OfAnswersThatAreAllMaskedIsNought) {
  Minibatch m({"masked", "grpo", [](PpoOptions& o) { o.mask_truncated_completions = true; }});
  std::fill(m.weights.begin(), m.weights.end(), 0.0f);
  UpdateTally tally;
  EXPECT_EQ(m.gradient(tally), 0);
  EXPECT_EQ(lm::global_norm(m.policy.gradients()), 0);
  EXPECT_EQ(tally.tokens, 0);
}

}  // namespace
}  // namespace lehr::plugins::ppo
