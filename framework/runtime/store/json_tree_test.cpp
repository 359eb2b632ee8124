#include "runtime/store/json_tree.h"

#include <gtest/gtest.h>

#include <string>

#include "text/strict_json.h"

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

// The value, or why there is none.
template <class Parse>
std::string outcome(Parse parse, const std::string& text) {
  try {
    return parse(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const text::JsonError& e) {
    return std::string("refused: ") + e.what();
  }
}

void same_as_the_strict_parser(const std::string& text) {
  EXPECT_EQ(outcome(parse_json_tree, text),
            outcome([](const std::string& t) { return text::parse_json<Json>(t); }, text))
      << text.substr(0, 100);
}

TEST(JsonTree, IsWhatTheStrictParserMakes) {
  for (const char* text :
       {"{}", "[]", "null", " true ", "\"\"", R"({"z": 1, "a": {"b": [null, false, "c"]}, "": 2})",
        "[0, -0, 1, -1, 9223372036854775807, -9223372036854775808, 18446744073709551615]",
        "[1.0, -0.0, 1e3, 2.5e-8, 123456789012345678901234567890]",
        R"(["\"\\\/\b\f\n\r\t", "\u00e9\ud83d\ude00\u0000", "é😀"])"})
    same_as_the_strict_parser(text);
  EXPECT_TRUE(parse_json_tree("[7]")[0].is_number_unsigned());
  EXPECT_TRUE(parse_json_tree("[-7]")[0].is_number_integer());
  EXPECT_EQ(parse_json_tree(R"({"z": 1, "a": 2})").dump(), R"({"z":1,"a":2})");
}

TEST(JsonTree, RefusesWhatTheStrictParserRefusesAndSaysTheSame) {
  for (const char* text :
       {"", "{", "[1,]", "[1] 2", "{\"a\": 1, \"a\": 2}", "[{\"b\": {\"c\": 1, \"c\": 2}}]",
        "[1e999]", "nul", "[\"\xff\"]", "[\"\x01\"]", "['a']", "[01]", "// no", "[\"\\ud800\"]"})
    same_as_the_strict_parser(text);
  same_as_the_strict_parser(std::string("[1\0]", 4));
}

TEST(JsonTree, LeavesWhatIsLargeOrDeepToTheStrictParser) {
  for (const std::size_t depth : {15, 16, 17, 64, 65})
    same_as_the_strict_parser(std::string(depth, '[') + std::string(depth, ']'));
  std::string members;
  for (int i = 0; i < 200; ++i) members += (i == 0 ? "\"" : ", \"") + std::to_string(i) + "\": 1";
  same_as_the_strict_parser("{" + members + "}");
  same_as_the_strict_parser("{" + members + ", \"7\": 1}");
}

}  // namespace
}  // namespace lehr::runtime
