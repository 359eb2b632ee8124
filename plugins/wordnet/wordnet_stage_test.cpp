#include "wordnet_stage.h"

#include <gtest/gtest.h>

#include "expected_rows.h"

namespace lehr::plugins::wordnet {
namespace {

TEST(WordNetStage, TellsHowManyRowsItWillMake) {
  Estimate estimate;
  WordNetStage().estimate({}, estimate);
  const auto conversations = text::RowCounts::told(estimate.outputs.at("conversations"));
  const auto preferences = text::RowCounts::told(estimate.outputs.at("preferences"));
  ASSERT_TRUE(conversations && preferences);
  const ExpectedRows expected = expected_rows({});
  EXPECT_EQ(conversations->rows, expected.conversations.rows);
  EXPECT_EQ(preferences->rows, expected.preferences.rows);
}

}  // namespace
}  // namespace lehr::plugins::wordnet
