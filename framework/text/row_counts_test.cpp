#include "text/row_counts.h"

#include <gtest/gtest.h>

namespace lehr::text {
namespace {

const Messages kAsked = {{"user", "What is 1+1?"}};  // 4 + 12 bytes
const Messages kTwo = {{"assistant", "2"}}, kMany = {{"assistant", "many"}};

TEST(RowCounts, CountMessagesAndTheirBytes) {
  RowCounts counts;
  counts.add(Conversation{{kAsked[0], kTwo[0]}});
  counts.add(Preference{kAsked, kTwo, kMany, {}, ""});
  EXPECT_EQ(counts.rows, 2);
  EXPECT_EQ(counts.messages, 5);
  EXPECT_EQ(counts.bytes, (16 + 10) + (16 + 10 + 13));
  EXPECT_EQ(counts.most_tokens(1000), 65 + 5 * 5);
  EXPECT_EQ(counts.most_tokens(20), 40) << "two rows, each cut";
  counts.add(Feedback{kAsked, kTwo, true, ""});
  EXPECT_EQ(counts.rows, 3);
  EXPECT_EQ(counts.messages, 7);
  EXPECT_EQ(counts.bytes, 65 + 16 + 10);
}

TEST(RowCounts, TravelAsFacts) {
  RowCounts counts;
  counts.add(Conversation{{kAsked[0], kTwo[0]}});
  counts.scale(1000.4);
  const auto told = RowCounts::told(counts.facts());
  ASSERT_TRUE(told);
  EXPECT_EQ(told->rows, 1000);
  EXPECT_EQ(told->messages, 2001);
  EXPECT_EQ(told->bytes, 26010);
}

TEST(RowCounts, AreNotKnownWhereFactsDoNotTellThem) {
  for (const char* facts : {"", "[]", "{}", R"({"train_rows":3,"train_messages":6})",
                            R"({"train_rows":-1,"train_messages":6,"train_bytes":1})",
                            R"({"train_rows":"3","train_messages":6,"train_bytes":1})"})
    EXPECT_FALSE(RowCounts::told(facts)) << facts;
}

}  // namespace
}  // namespace lehr::text
