#include "options.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "text/fake_host.h"

namespace lehr::plugins::ppo {
namespace {

// What is wrong with them; empty: nothing.
std::string fault(const nlohmann::json& given) {
  const text::ValueTree values(given);
  PpoOptions options;
  Description d{Value(values.root())};
  describe(d, options);
  try {
    check(options);
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

// A fault begins with the parameter, so that it is shown where the pipeline gives it.
void expect_fault(const nlohmann::json& given, const std::string& parameter,
                  const std::string& says) {
  const std::string message = fault(given);
  EXPECT_EQ(message.substr(0, parameter.size() + 2), parameter + ": ") << message;
  EXPECT_NE(message.find(says), std::string::npos) << message;
}

TEST(PpoOptions, EveryAlgorithmRunsByItsDefaults) {
  for (const char* algorithm : {"ppo", "grpo", "rloo"})
    EXPECT_EQ(fault({{"algorithm", algorithm}}), "");
  EXPECT_EQ(fault({{"num_generations", 4}}), "") << "ppo may ask a prompt several times";
  EXPECT_EQ(fault({{"algorithm", "rloo"}, {"kl_estimator", "k3"}}), "");
  EXPECT_EQ(fault({{"algorithm", "grpo"}, {"kl_estimator", "k3"}, {"gamma", 1}}), "");
}

TEST(PpoOptions, GroupsAreAtLeastTwoAnswersAndDivideTheSamples) {
  expect_fault({{"algorithm", "grpo"}, {"num_generations", 1}}, "num_generations", "at least 2");
  expect_fault({{"algorithm", "rloo"}, {"num_generations", 3}}, "num_generations",
               "samples 128 cannot be divided into groups of 3");
  expect_fault({{"algorithm", "grpo"}, {"samples", 16}}, "minibatches", "4 exceed the 2 prompts");
  expect_fault({{"samples", 3}}, "minibatches", "4 exceed the 3 prompts");
}

TEST(PpoOptions, WhatShapesACriticNeedsOne) {
  for (const char* name :
       {"gamma", "lambda", "value_clip", "value_coefficient", "critic_learning_rate_scale"}) {
    EXPECT_EQ(fault({{name, 0.5}}), "");
    expect_fault({{"algorithm", "rloo"}, {name, 0.5}}, name, "'rloo' has no critic");
  }
}

TEST(PpoOptions, ASharedCriticLearnsWithThePolicy) {
  EXPECT_EQ(fault({{"critic", "shared"}}), "");
  expect_fault({{"critic", "shared"}, {"critic_learning_rate_scale", 1}},
               "critic_learning_rate_scale", "value_coefficient");
  expect_fault({{"algorithm", "grpo"}, {"critic", "shared"}}, "critic", "'grpo' has none");
}

TEST(PpoOptions, WhatShapesGroupsIsGrpos) {
  const std::pair<const char*, nlohmann::json> given[] = {{"loss_type", "dr_grpo"},
                                                          {"scale_rewards", "none"},
                                                          {"importance_sampling_level", "sequence"},
                                                          {"use_bias_correction_kl", false},
                                                          {"mask_truncated_completions", true}};
  for (const auto& [name, value] : given) {
    EXPECT_EQ(fault({{"algorithm", "grpo"}, {name, value}}), "");
    expect_fault({{name, value}}, name, "'grpo', not 'ppo'");
    expect_fault({{"algorithm", "rloo"}, {name, value}}, name, "'grpo', not 'rloo'");
  }
  EXPECT_EQ(fault({{"algorithm", "rloo"}, {"epsilon_high", 0.28}}), "");
}

// beta *= 1 + clip(..., -0.2, 0.2) * samples / horizon: below a fifth of the samples it would
// change its sign, and the penalty become a reward.
TEST(PpoOptions, AdaptingLeavesThePriceAboveNought) {
  expect_fault({{"kl_target", 1}, {"samples", 100}, {"kl_horizon", 20}}, "kl_horizon", "too few");
  EXPECT_EQ(fault({{"kl_target", 1}, {"samples", 100}, {"kl_horizon", 21}}), "");
  expect_fault({{"samples", 100}, {"kl_horizon", 20}}, "kl_horizon", "there is none");
}

TEST(PpoOptions, OnlyK3IsForALoss) {
  expect_fault({{"algorithm", "grpo"}, {"kl_estimator", "k1"}}, "kl_estimator", "k3 alone");
  expect_fault({{"dual_clip", 0.5}}, "dual_clip", "must be 0 or above 1");
}

}  // namespace
}  // namespace lehr::plugins::ppo
