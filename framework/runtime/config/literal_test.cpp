#include "runtime/config/literal.h"

#include <gtest/gtest.h>

namespace lehr::runtime {
namespace {

TEST(Literal, ReadsCountsWithUnits) {
  EXPECT_EQ(*read_count("4096"), 4096);
  EXPECT_EQ(*read_count("64k"), 64'000);
  EXPECT_EQ(*read_count("6M"), 6'000'000);
  EXPECT_EQ(*read_count("1.5B"), 1'500'000'000);
  EXPECT_EQ(*read_count("1.1B"), 1'100'000'000);  // not exact in binary
  EXPECT_EQ(*read_count("-3"), -3);
  EXPECT_EQ(*read_count("9007199254740993"),
            9'007'199'254'740'993);  // beyond a double's whole numbers
}

TEST(Literal, ReadsBytesWithBothKindsOfUnit) {
  EXPECT_EQ(*read_bytes("64MiB"), 64 << 20);
  EXPECT_EQ(*read_bytes("1GB"), 1'000'000'000);
  EXPECT_EQ(*read_bytes("512"), 512);
}

TEST(Literal, GuessesHowAUnitGoesOn) {
  EXPECT_TRUE(read_bytes("64G").reason().ends_with(". Did you mean 64GB or 64GiB?"));
  EXPECT_TRUE(read_duration("3 mi").reason().ends_with(". Did you mean 3 min?"));
  EXPECT_TRUE(read_bytes("64X").reason().ends_with("(unknown unit 'X')"));
}

TEST(Literal, ReadsDurationsAsSeconds) {
  EXPECT_DOUBLE_EQ(*read_duration("30m"), 1800);
  EXPECT_DOUBLE_EQ(*read_duration("1.5h"), 5400);
  EXPECT_DOUBLE_EQ(*read_duration("500ms"), 0.5);
  EXPECT_DOUBLE_EQ(*read_duration("7"), 7);
  EXPECT_DOUBLE_EQ(*read_duration("1h30m"), 5400);
  EXPECT_DOUBLE_EQ(*read_duration("1d 2h 0.5s"), 93600.5);
  for (const char* text : {"30m1h", "1h2h", "1h30", "1h 30", "h", "1h-3m", "1h 30m ", "1h30x"})
    EXPECT_FALSE(read_duration(text)) << text;
}

TEST(Literal, RefusesWhatOneYamlReaderTakesForAnotherNumber) {
  for (const char* text : {"010", "0x1F", "0o17", "1_000", ".inf", ".nan", "-010"}) {
    EXPECT_FALSE(read_int(text)) << text;
    EXPECT_FALSE(read_count(text)) << text;
    EXPECT_FALSE(read_float(text)) << text;
  }
  EXPECT_EQ(*read_int("0"), 0);
  EXPECT_DOUBLE_EQ(*read_float("0.5"), 0.5);
}

TEST(Literal, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "abc", "6X", "6 M M", "--3", "1e", "1e400", "nan(1)", "infinity"}) {
    EXPECT_FALSE(read_count(text)) << text;
    EXPECT_FALSE(read_float(text)) << text;
    EXPECT_FALSE(read_duration(text)) << text;
  }
  EXPECT_FALSE(read_count("1.5"));
  EXPECT_FALSE(read_count("99999999999999999999"));
  EXPECT_FALSE(read_int("2.0"));
}

TEST(Literal, KnowsTextThatMeansSomethingElse) {
  EXPECT_EQ(mistakable_for("no"), "true or false");
  EXPECT_EQ(mistakable_for("012"), "a number");
  EXPECT_EQ(mistakable_for("1e5"), "a number");
  EXPECT_EQ(mistakable_for("6M"), "");
  EXPECT_EQ(mistakable_for("none"), "");
  EXPECT_EQ(mistakable_for("."), "");
}

}  // namespace
}  // namespace lehr::runtime
