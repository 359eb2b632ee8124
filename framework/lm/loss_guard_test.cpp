#include "lm/loss_guard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace lehr::lm {
namespace {

// Losses of 2.4 to 2.6, as a run has that learns slowly.
LossGuard steady(int losses, double deviations = 6) {
  LossGuard guard(deviations);
  for (int i = 0; i < losses; ++i) guard.accept(2.5 + 0.1 * std::sin(i));
  return guard;
}

TEST(LossGuard, FindsFaultWithWhatIsNotFinite) {
  const LossGuard guard(0);
  EXPECT_EQ(guard.fault(std::numeric_limits<double>::quiet_NaN()), "loss is nan");
  EXPECT_EQ(guard.fault(std::numeric_limits<double>::infinity()), "loss is inf");
  EXPECT_EQ(guard.fault(1e300), "");
}

TEST(LossGuard, CallsASpikeWhatIsManyDeviationsAboveAndMoreThanDouble) {
  const LossGuard guard = steady(64);
  EXPECT_EQ(guard.fault(2.7), "");
  EXPECT_EQ(guard.fault(4.9), "") << "many deviations, but not double";
  EXPECT_NE(guard.fault(5.2).find("loss 5.2 is a spike: the 64 before were 2.5"),
            std::string::npos);
  EXPECT_EQ(guard.fault(0.1), "") << "a fall is none";
  LossGuard noisy(6);
  for (int i = 0; i < 64; ++i) noisy.accept(i % 2 == 0 ? 0.01 : 0.3);
  EXPECT_EQ(noisy.fault(0.9), "") << "more than double, but not many deviations";
  EXPECT_NE(noisy.fault(1.1), "");
}

TEST(LossGuard, JudgesLossesAroundZero) {
  LossGuard guard(6);
  for (int i = 0; i < 64; ++i) guard.accept(i % 2 == 0 ? 0.01 : -0.01);
  EXPECT_EQ(guard.fault(0.05), "");
  EXPECT_NE(guard.fault(0.07), "");
}

TEST(LossGuard, WaitsForEnoughLossesAndCanBeOff) {
  EXPECT_EQ(steady(31).fault(100), "");
  EXPECT_NE(steady(32).fault(100), "");
  EXPECT_EQ(steady(64, 0).fault(100), "");
}

// Guessing among 100 tokens: 4.6.
TEST(LossGuard, JudgesTheFirstLossesByTheFirstAndByGuessing) {
  LossGuard guard(6, std::log(100));
  EXPECT_EQ(guard.fault(100), "") << "the first is what it is";
  guard.accept(2.6);
  EXPECT_EQ(guard.fault(13), "") << "five times the first, as a bad start of a warm-up";
  EXPECT_NE(guard.fault(14).find("loss 14 is a spike: the first was 2.6, guessing gives 4.6"),
            std::string::npos);
  LossGuard squares(6, std::log(100));
  squares.accept(25);
  EXPECT_EQ(squares.fault(74), "") << "losses that are no nats have the scale of the first";
  EXPECT_NE(squares.fault(76), "");
  EXPECT_EQ(LossGuard(0, std::log(100)).fault(1e6), "");
  LossGuard after(6, std::log(100));
  after.restore(guard.state());
  EXPECT_EQ(after.fault(14), guard.fault(14));
}

TEST(LossGuard, TellsThatTheLastLossesAreFarAboveTheFirst) {
  LossGuard guard(6, std::log(100));
  EXPECT_EQ(guard.divergence(), "");
  guard.accept(2.6);
  for (int i = 0; i < 70; ++i) guard.accept(6.1);
  EXPECT_EQ(guard.divergence(), "");
  for (int i = 0; i < 8; ++i) guard.accept(6.4);
  EXPECT_EQ(guard.divergence(), "the last losses are 6.4 on average, the first was 2.6");
  guard.accept(0.5);
  EXPECT_EQ(guard.divergence(), "");
  LossGuard no_scale(6);
  for (const double loss : {0.0, 50.0}) no_scale.accept(loss);
  EXPECT_EQ(no_scale.divergence(), "");
}

TEST(LossGuard, FollowsTheLastLosses) {
  LossGuard guard = steady(64);
  for (int i = 0; i < 64; ++i) guard.accept(0.5 + 0.01 * std::sin(i));
  EXPECT_NE(guard.fault(2.5), "");
}

TEST(LossGuard, GoesOnFromItsState) {
  const LossGuard before = steady(90);
  LossGuard after(6);
  after.restore(before.state());
  for (const double loss : {2.7, 5.2, 9.0}) EXPECT_EQ(after.fault(loss), before.fault(loss));
}

}  // namespace
}  // namespace lehr::lm
