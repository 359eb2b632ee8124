#include "text/answer_match.h"

#include <gtest/gtest.h>

#include <vector>

namespace lehr::text {
namespace {

const std::vector<std::string> kParis = {"Paris", "the City of Light"};
const std::vector<std::string> kRefusals = {"I don't know"};

TEST(AnswerMatch, ExactMeansTheSameAnswerAndNothingElse) {
  EXPECT_TRUE(is_exact(" Paris. ", kParis));
  EXPECT_TRUE(is_exact("City of Light", kParis));
  EXPECT_FALSE(is_exact("Paris is the capital.", kParis));
  EXPECT_FALSE(is_exact("", kParis));
  EXPECT_FALSE(is_exact("Par", kParis));
}

TEST(AnswerMatch, BeginningEndsAtAWord) {
  EXPECT_TRUE(begins_with(" Paris, which", kParis));
  EXPECT_FALSE(begins_with("Parish", kParis));
  EXPECT_FALSE(begins_with("In Paris", kParis));
}

TEST(AnswerMatch, RefusalIsToldByItsBeginning) {
  EXPECT_TRUE(is_refusal("I don\u2019t know.", kRefusals));
  EXPECT_TRUE(is_refusal("i don't know that.", kRefusals));
  EXPECT_FALSE(is_refusal("Paris. I don't know more.", kRefusals));
}

}  // namespace
}  // namespace lehr::text
