#include "comparison.h"

#include <gtest/gtest.h>

#include <vector>

namespace lehr::plugins::evaluate {
namespace {

Outcome outcome(bool right, std::optional<double> score = {}) {
  Outcome out;
  out.right = right;
  out.score = score;
  return out;
}

TEST(Comparison, CountsWhereTwoModelsDiffer) {
  const std::vector<Outcome> ours = {outcome(true), outcome(true), outcome(true), outcome(false),
                                     outcome(false)},
                             theirs = {outcome(true), outcome(false), outcome(false), outcome(true),
                                       outcome(false)};
  const Comparison c = compare(ours, theirs), back = compare(theirs, ours);
  EXPECT_EQ(c.wins, 2);
  EXPECT_EQ(c.losses, 1);
  EXPECT_EQ(c.kept, 1);
  EXPECT_EQ(c.differ(), 3);
  EXPECT_EQ(c.could(), 2);
  EXPECT_EQ(c.judged(), 0);
  EXPECT_EQ(back.wins, c.losses);
  EXPECT_EQ(back.losses, c.wins);
  EXPECT_FALSE(mean_score(ours));
}

TEST(Comparison, CountsAnswersThatAJudgePrefersWhereItHasSeenBoth) {
  const std::vector<Outcome> ours = {outcome(true, 2), outcome(true, 1), outcome(false, 3),
                                     outcome(false), outcome(true, 0.5)},
                             theirs = {outcome(true, 1), outcome(true, 2), outcome(false, 3),
                                       outcome(false, 9), outcome(true, 0)};
  const Comparison c = compare(ours, theirs);
  EXPECT_EQ(c.preferred, 2);
  EXPECT_EQ(c.rejected, 1);
  EXPECT_EQ(c.judged(), 3) << "a tie is neither";
  EXPECT_EQ(*mean_score(ours), 6.5 / 4);
}

}  // namespace
}  // namespace lehr::plugins::evaluate
