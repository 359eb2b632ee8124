// Values of transformers' get_linear/cosine/constant_schedule_with_warmup, worked out by hand.
#include "lm/schedule.h"

#include <gtest/gtest.h>

namespace lehr::lm {
namespace {

Schedule schedule(const char* kind, double warmup, double final = 0) {
  Schedule s;
  s.kind = kind;
  s.learning_rate = 2.0;
  s.warmup = warmup;
  s.final = final;
  s.decay = 0.5;
  return s;
}

TEST(Schedule, WarmsUpFromZeroAtTheFirstUpdate) {
  for (const char* kind : {"constant", "linear", "cosine", "wsd"}) {
    const Schedule s = schedule(kind, 0.2);
    EXPECT_EQ(s.at(0, 20), 0.0) << kind;
    EXPECT_DOUBLE_EQ(s.at(1, 20), 0.5) << kind;
    EXPECT_DOUBLE_EQ(s.at(4, 20), 2.0) << kind;
  }
}

TEST(Schedule, RoundsWarmupStepsUp) {
  EXPECT_EQ(schedule("linear", 0.01).at(0, 10), 0.0);
  EXPECT_EQ(schedule("linear", 0.01).at(1, 10), 2.0);
}

TEST(Schedule, TheOnlyUpdateIsOne) {
  for (const char* kind : {"constant", "linear", "cosine", "wsd"}) {
    EXPECT_EQ(schedule(kind, 0.03).at(0, 1), 2.0) << kind;
    EXPECT_EQ(schedule(kind, 0.03).at(0, 2), 0.0) << kind << ", as in transformers";
    EXPECT_GT(schedule(kind, 0.03).at(1, 2), 0.0) << kind;
  }
}

TEST(Schedule, StartsAtThePeakWithoutWarmup) {
  for (const char* kind : {"constant", "linear", "cosine", "wsd"})
    EXPECT_EQ(schedule(kind, 0).at(0, 10), 2.0) << kind;
}

TEST(Schedule, LinearFallsToTheFinalShare) {
  EXPECT_DOUBLE_EQ(schedule("linear", 0).at(5, 10), 1.0);
  EXPECT_DOUBLE_EQ(schedule("linear", 0, 0.5).at(5, 10), 1.5);
  EXPECT_DOUBLE_EQ(schedule("linear", 0).at(9, 10), 0.2);
}

TEST(Schedule, CosinePassesHalfInTheMiddle) {
  EXPECT_NEAR(schedule("cosine", 0).at(5, 10), 1.0, 1e-15);
  EXPECT_NEAR(schedule("cosine", 0).at(2, 8), 1.7071067811865475, 1e-15);
  EXPECT_NEAR(schedule("cosine", 0, 0.1).at(5, 10), 1.1, 1e-15);
}

TEST(Schedule, WsdHoldsThenDecaysLinearly) {
  const Schedule s = schedule("wsd", 0.2);
  EXPECT_EQ(s.at(10, 20), 2.0);
  EXPECT_DOUBLE_EQ(s.at(15, 20), 1.0);
  EXPECT_DOUBLE_EQ(s.at(19, 20), 0.2);
}

}  // namespace
}  // namespace lehr::lm
