#include "verdict.h"

#include <gtest/gtest.h>

namespace lehr::plugins::evaluate {
namespace {

const std::vector<std::string> kParis = {"Paris", "the City of Light"};
const std::vector<std::string> kRefusals = {"I don't know"};

TEST(Verdict, ExactMeansTheSameAnswerAndNothingElse) {
  EXPECT_TRUE(is_exact(" Paris. ", kParis));
  EXPECT_TRUE(is_exact("City of Light", kParis));
  EXPECT_FALSE(is_exact("Paris is the capital.", kParis));
  EXPECT_FALSE(is_exact("", kParis));
  EXPECT_FALSE(is_exact("Par", kParis));
}

TEST(Verdict, BeginningEndsAtAWord) {
  EXPECT_TRUE(begins_with(" Paris, which", kParis));
  EXPECT_FALSE(begins_with("Parish", kParis));
  EXPECT_FALSE(begins_with("In Paris", kParis));
}

TEST(Verdict, RefusalIsToldByItsBeginning) {
  EXPECT_TRUE(is_refusal("I don\u2019t know.", kRefusals));
  EXPECT_TRUE(is_refusal("i don't know that.", kRefusals));
  EXPECT_FALSE(is_refusal("Paris. I don't know more.", kRefusals));
}

TEST(Verdict, ShortIsOneLineOfFewWords) {
  EXPECT_TRUE(is_short("the New York", 3));
  EXPECT_FALSE(is_short("a b c d", 3));
  EXPECT_FALSE(is_short("a\nb", 3));
  EXPECT_FALSE(is_short("  ", 3));
}

TEST(Verdict, WilsonIntervalIsTheTextbooks) {
  // n = 10, share 0.5: (0.2366, 0.7634), half of which is 0.2634.
  EXPECT_NEAR(wilson_half_width(0.5, 10), 0.2634, 1e-4);
  EXPECT_GT(wilson_half_width(0.0, 10), 0.1) << "no certainty from ten of ten";
}

}  // namespace
}  // namespace lehr::plugins::evaluate
