#include "lm/budget.h"

#include <gtest/gtest.h>

namespace lehr::lm {
namespace {

Workload workload() {
  return {1000, 5e4, 3e5, [](double epochs) { return static_cast<int64_t>(7 * epochs); }};
}

TEST(Budget, BuysWholeSteps) {
  EXPECT_EQ(steps_of({.steps = 0}, workload()), 0);
  EXPECT_EQ(steps_of({.tokens = 12'999}, workload()), 12);
  EXPECT_EQ(steps_of({.epochs = 2}, workload()), 14);
  EXPECT_EQ(steps_of({.epochs = 0}, workload()), 0);
  EXPECT_EQ(steps_of({.flops = 3.2e9}, workload()), 10);      // 3e8 a step
  EXPECT_EQ(steps_of({.chinchilla = 20}, workload()), 1000);  // 1e6 tokens
  EXPECT_EQ(steps_of({.time = 60}, workload()), kStepsByTime);
}

TEST(Budget, BuysAtLeastOneStep) {
  EXPECT_EQ(steps_of({.tokens = 1}, workload()), 1);
  EXPECT_EQ(steps_of({.flops = 1}, workload()), 1);
  EXPECT_EQ(steps_of({.chinchilla = 0.001}, workload()), 1);
}

TEST(Budget, IsTheStagesEpochsWhereNoneIsGiven) {
  EXPECT_EQ(steps_of({}, workload()), 7);
  EXPECT_EQ(steps_of({}, workload(), 3), 21);
}

}  // namespace
}  // namespace lehr::lm
