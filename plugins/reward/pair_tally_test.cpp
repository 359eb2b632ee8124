#include "pair_tally.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace lehr::plugins::reward {
namespace {

std::map<std::string, double> named(const PairTally::Metrics& metrics) {
  return {metrics.begin(), metrics.end()};
}

TEST(PairTally, CountsEqualScoresAsWrong) {
  PairTally tally;
  tally.add({2, 1, 5, 5, "fact"});
  tally.add({1, 1, 5, 5, "fact"});
  tally.add({-1, 0, 5, 5, "length"});
  auto metrics = named(tally.metrics());
  EXPECT_NEAR(metrics["accuracy"], 1.0 / 3, 1e-12);
  EXPECT_NEAR(metrics["margin"], 0, 1e-12);
  EXPECT_EQ(metrics["min_reward"], -1);
  EXPECT_EQ(metrics["max_reward"], 2);
  EXPECT_NEAR(metrics["mean_reward"], 4.0 / 6, 1e-12);
  auto analysis = named(tally.analysis());
  EXPECT_EQ(analysis["accuracy/fact"], 0.5);
  EXPECT_EQ(analysis["accuracy/length"], 0);
}

TEST(PairTally, SeesARewardThatGrowsWithLength) {
  PairTally tally;
  tally.add({1, 2, 10, 20, ""});
  tally.add({3, 4, 30, 40, ""});
  EXPECT_NEAR(named(tally.analysis())["reward_length_correlation"], 1, 1e-12);
  PairTally against, equal;
  against.add({4, 3, 10, 20, ""});
  against.add({2, 1, 30, 40, ""});
  EXPECT_NEAR(named(against.analysis())["reward_length_correlation"], -1, 1e-12);
  equal.add({1, 1, 10, 20, ""});
  EXPECT_EQ(named(equal.analysis())["reward_length_correlation"], 0);
}

// Ten pairs with a difference of ln 3: the model is 75 % sure. Right in 6 of 10: off by 0.15.
TEST(PairTally, CalibrationErrorIsTheGapBetweenSurenessAndAccuracy) {
  PairTally tally;
  for (int i = 0; i < 10; ++i) {
    const float d = i < 6 ? std::log(3.0f) : -std::log(3.0f);
    tally.add({d, 0, 1, 1, ""});
  }
  EXPECT_NEAR(named(tally.analysis())["calibration_error"], 0.15, 1e-7);
}

}  // namespace
}  // namespace lehr::plugins::reward
