#include "terminal_text.h"

#include <gtest/gtest.h>

namespace lehr::cli {
namespace {

TEST(ShellWord, IsQuotedWhereItMustBe) {
  EXPECT_EQ(shell_word("acme/build"), "acme/build");
  EXPECT_EQ(shell_word("-DCMAKE_PREFIX_PATH=/opt/lehr"), "-DCMAKE_PREFIX_PATH=/opt/lehr");
  EXPECT_EQ(shell_word("/opt/le hr"), "'/opt/le hr'");
  EXPECT_EQ(shell_word("a'b$c"), "'a'\\''b$c'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(TextTable, LinesEndWithTheirText) {
  TextTable table("ll");
  table.row({"one", ""});
  table.row({"two", "2"});
  EXPECT_EQ(table.text(), "one\ntwo  2\n");
}

}  // namespace
}  // namespace lehr::cli
