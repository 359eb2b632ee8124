#include "text/strict_json.h"

#include <gtest/gtest.h>

#include "text/whole_number.h"

namespace lehr::text {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string refusal(const std::string& text, const JsonLimits& limits = {}) {
  try {
    parse_json<json>(text, limits);
    return "";
  } catch (const JsonError& e) {
    return e.what();
  }
}

TEST(StrictJson, MessagesAreTextWhateverWasRead) {
  const std::string said = refusal("{\"a\": \"\xff\xfe\"}");
  EXPECT_NE(said, "");
  EXPECT_NO_THROW(json(said).dump());
}

TEST(StrictJson, ReadsWhatIsWellFormed) {
  EXPECT_EQ(parse_json<json>(R"({"a": [1, {"b": null}], "c": "d"})"),
            json({{"a", {1, {{"b", nullptr}}}}, {"c", "d"}}));
  EXPECT_EQ(parse_json<ordered_json>(R"({"z": 1, "a": 2})").dump(), R"({"z":1,"a":2})");
  EXPECT_EQ(refusal(R"([{"a": 1}, {"a": 1}])"), "");
}

TEST(StrictJson, SaysWhatIsWrong) {
  EXPECT_NE(refusal("{\"a\": ").find("it is not JSON: parse error at line 1"), std::string::npos);
  EXPECT_NE(refusal("").find("it is not JSON"), std::string::npos);
  EXPECT_NE(refusal("[1e999]").find("it is not JSON"), std::string::npos);
  EXPECT_EQ(refusal(R"({"a": 1, "b": {"c": 2, "c": 3}})"), "'c' is given twice");
}

TEST(StrictJson, RefusesDepthBeforeAnyoneRecurses) {
  const std::size_t deep = 1'000'000;
  EXPECT_EQ(refusal(std::string(deep, '[') + std::string(deep, ']')),
            "it is nested deeper than 64 levels");
  std::string objects;
  for (std::size_t i = 0; i < 65; ++i) objects += "{\"a\":";
  EXPECT_EQ(refusal(objects), "it is nested deeper than 64 levels");
  EXPECT_EQ(refusal(std::string(64, '[') + std::string(64, ']')), "");
}

TEST(StrictJson, RefusesMoreValuesThanAgreed) {
  std::string list = "[0";
  for (int i = 0; i < 100; ++i) list += ",0";
  EXPECT_EQ(refusal(list + "]", {64, 20}), "it holds more than 20 values");
  EXPECT_EQ(refusal(list + "]", {64, 200}), "");
}

TEST(StrictJson, DoesNotEndAtANulByte) {
  EXPECT_NE(refusal(std::string("{}\0garbage", 10)), "");
  EXPECT_NE(refusal(std::string("{}\0", 3)), "");
}

TEST(WholeNumber, TakesWhatTheTypeHoldsAndNothingElse) {
  EXPECT_EQ(whole_number<std::uint64_t>(json(18446744073709551615u)), 18446744073709551615u);
  EXPECT_EQ(whole_number<std::int64_t>(json(-7)), -7);
  for (const json& wrong : {json(1e300), json(1.5), json(2.0), json("3"), json(nullptr), json(-1)})
    EXPECT_THROW(whole_number<std::uint32_t>(wrong), JsonError) << wrong;
  EXPECT_THROW(whole_number<std::uint32_t>(json(std::uint64_t{1} << 32)), JsonError);
  EXPECT_THROW(whole_number<std::int64_t>(json(18446744073709551615u)), JsonError);
  EXPECT_EQ(whole_number<int>(json::parse("{\"a\": 3}"), "a", 5), 3);
  EXPECT_EQ(whole_number<int>(json::object(), "a", 5), 5);
}

TEST(StrictJson, DoesNotSearchAnObjectWithoutEnd) {
  std::string object = "{";
  for (int i = 0; i < 200'000; ++i) object += "\"" + std::to_string(i) + "\":0,";
  object.back() = '}';
  EXPECT_EQ(refusal(object), "");  // a sorted object has no such trouble
  EXPECT_THROW(parse_json<ordered_json>(object), JsonError);
}

}  // namespace
}  // namespace lehr::text
