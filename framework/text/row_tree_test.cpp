#include "text/row_tree.h"

#include <gtest/gtest.h>

namespace lehr::text {
namespace {

TEST(RowTree, WritesNumbersThat64BitsDoNotHoldAsDoubles) {
  EXPECT_EQ(with_numbers_as_doubles(R"([18446744073709551616,-9223372036854775809])"),
            "[1.8446744073709552e+19,-9.223372036854776e+18]");
  EXPECT_EQ(with_numbers_as_doubles("1e400 -1" + std::string(309, '0')),
            "1.7976931348623157e308 -1.7976931348623157e308");
}

TEST(RowTree, LeavesWhatFitsWhatStandsInStringsAndWhatIsMalformed) {
  for (const std::string json :
       {R"({"a":18446744073709551615,"b":-9223372036854775808,"c":0.1234567890123456789e-400})",
        R"({"18446744073709551616":"1e400 \" 1e400 \\"})", "01e400", "1e400.", "-", "1.e400", "--1",
        "\"1e400", "\"\\", "0.00000000000000000000"})
    EXPECT_EQ(with_numbers_as_doubles(json),
              json.ends_with('.') ? "1.7976931348623157e308." : json);
}

TEST(RowTree, KnowsWhetherItsNumbersAreRounded) {
  RowTree tree;
  simdjson::dom::element row;
  ASSERT_FALSE(tree.parse("[1,123456789012345678901234]", row));
  EXPECT_TRUE(tree.rounded());
  EXPECT_EQ(double(row.at(1)), 123456789012345678901234.0);
  ASSERT_FALSE(tree.parse("[1,1e-400]", row));
  EXPECT_FALSE(tree.rounded());
  EXPECT_TRUE(tree.parse("[1,123456789012345678901234", row));
}

}  // namespace
}  // namespace lehr::text
