#include "stop_if.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

namespace lehr::plugins::ppo {
namespace {

// Answers of as many tokens as `lengths` say, with these rewards.
ScoredAnswers sampled(const std::vector<std::size_t>& lengths, std::vector<double> rewards) {
  std::vector<lm::GenerationRequest> requests;
  std::vector<lm::Generation> answers;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    requests.push_back({{1}, i});
    answers.push_back(
        {std::vector<std::int32_t>(lengths[i], 5), std::vector<float>(lengths[i], -1), true});
  }
  ScoredAnswers out{make_rollouts(requests, answers, 1, 100), {}, 0};
  out.scores.assign(rewards.size(), 0);  // after a penalty they may tell something else
  out.rewards = std::move(rewards);
  return out;
}

Signs signs_of(const ScoredAnswers& answers, std::vector<float> entropies) {
  Objective found;
  found.kl = 2.5;
  return signs(answers, found, {{}, std::move(entropies), {}});
}

TEST(Signs, ByHand) {
  // Lengths 1, 2, 3, 2 around 2; rewards 0, 1, 5, 2 around 2: 2 + 3 of sqrt(2 * 14).
  const Signs seen = signs_of(sampled({1, 2, 3, 2}, {0, 1, 5, 2}), {1, 2, 3, 1, 2, 3, 1, 1});
  EXPECT_EQ(seen.kl, 2.5);
  EXPECT_EQ(seen.entropy, 14.0 / 8);
  EXPECT_NEAR(seen.length_correlation, 5 / std::sqrt(28), 1e-12);
  const lm::Metrics named = metrics(seen);
  EXPECT_EQ(
      (std::map<std::string, double>{named.begin(), named.end()}),
      (std::map<std::string, double>{{"objective/kl", seen.kl},
                                     {"objective/token_entropy", seen.entropy},
                                     {"objective/length_correlation", seen.length_correlation}}));
}

TEST(Signs, WhatDoesNotVaryHasNoCorrelation) {
  EXPECT_EQ(signs_of(sampled({2, 2}, {1, 5}), {1, 1, 1, 1}).length_correlation, 0);
  EXPECT_EQ(signs_of(sampled({1, 3}, {4, 4}), {1, 1, 1, 1}).length_correlation, 0);
  EXPECT_NEAR(signs_of(sampled({1, 3}, {4, 3}), {1, 1, 1, 1}).length_correlation, -1, 1e-12);
}

std::string broken_ones(const StopIf& limits, const Signs& signs) {
  std::string all;
  for (const Broken& limit : broken(limits, signs)) all += limit.limit + ": " + limit.says + "\n";
  return all;
}

TEST(StopIf, TellsEveryLimitThatIsBroken) {
  const Signs seen{5.5, 0.25, 0.5, 0.75};
  EXPECT_EQ(broken_ones({}, seen), "");
  EXPECT_EQ(broken_ones({5.5, 0.25, 0.5, 0.75}, seen), "") << "at the limit";
  EXPECT_EQ(broken_ones({4.5, 0.5, {}, {}}, seen),
            "kl: kl 5.5 is above 4.5\nentropy: entropy 0.25 is below 0.5\n");
  EXPECT_EQ(broken_ones({{}, {}, 0.25, 0.5}, seen),
            "length_correlation: length_correlation 0.5 is above 0.25\n"
            "disagreement: disagreement 0.75 is above 0.5\n");
  EXPECT_EQ(broken_ones({0, {}, {}, {}}, {-1, 1, 1}), "")
      << "an estimate of the KL may be negative";
}

TEST(StopIf, WhatIsNoNumberIsWithinNoLimit) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(broken({9, 0, 1, 9}, {nan, nan, nan, nan}).size(), 4u);
}

}  // namespace
}  // namespace lehr::plugins::ppo
