// The rewards as a host calls them: parameters are checked once, then answers are scored.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "exact_answer.h"
#include "format.h"
#include "length.h"
#include "text/fake_host.h"

namespace lehr::plugins::rewards {
namespace {

using Parameters = nlohmann::json;

// A reward of these parameters, and of its defaults where they say nothing.
template <class T>
double scored(Parameters with, const Exchange& exchange) {
  Description description;
  T().describe(description);
  const auto described = nlohmann::json::parse(description.json("reward", false));
  for (const auto& p : described.at("parameters"))
    if (!with.contains(p.at("name"))) with[p.at("name").get<std::string>()] = p.at("default");
  const text::ValueTree tree(with);
  return detail::bind<T>(tree.root())->score(exchange);
}

double exact(const Parameters& with, std::string_view answer, std::string_view reference) {
  return scored<ExactAnswer>(with, {R"([{"role":"user"}])", answer, reference, false});
}
double format(const std::string& pattern, std::string_view answer) {
  return scored<Format>({{"pattern", pattern}}, {"[]", answer, "", false});
}
double length(const Parameters& with, std::string_view answer) {
  return scored<Length>(with, {"[]", answer, "", false});
}

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "none";
}

TEST(ExactAnswer, IsWhatEvaluateTakesForTheSame) {
  EXPECT_EQ(exact({}, " The Paris.\n", "Paris"), 1);
  EXPECT_EQ(exact({}, "Paris, France", "Paris"), 0);
  EXPECT_EQ(exact({}, "", "Paris"), 0);
  EXPECT_EQ(exact({}, "Zürich!", "zürich"), 1);
  EXPECT_EQ(exact({}, "Z\xfcrich", "Zürich"), 0) << "not UTF-8";
}

TEST(ExactAnswer, ComparesTheLastThingExtracted) {
  const Parameters gsm8k = {{"extract", "#### (-?[0-9.,]+)"}, {"ignore", ","}};
  const std::string solution = "He has 2 * 36 = 72.\n#### 1,072";
  EXPECT_EQ(exact(gsm8k, "So it is\n#### 1072", solution), 1);
  EXPECT_EQ(exact(gsm8k, "#### 5? No:\n#### 1072.", "1072"), 1) << "a bare reference";
  EXPECT_EQ(exact(gsm8k, "#### 1072, no: #### 5", solution), 0);
  EXPECT_EQ(exact(gsm8k, "1072", solution), 0) << "not where it was asked for";
  EXPECT_EQ(exact(gsm8k, "", solution), 0);
  EXPECT_EQ(exact({{"extract", R"(\\boxed\{([^{}]*)\})"}}, R"(so $\boxed{é}$)", "é"), 1);
  EXPECT_EQ(exact({{"extract", "x(y)?"}}, "xy x", "y"), 1) << "the last match has no group";
  EXPECT_EQ(exact({{"extract", "(é*)"}}, "ééaé", "é"), 1) << "and behind it \"\"";
  EXPECT_EQ(exact({{"ignore", "€ "}}, "1 000 €", "1000"), 1);
}

TEST(ExactAnswer, RefusalIsRightWhereTheReferenceIsOne) {
  EXPECT_EQ(exact({}, "I don\u2019t know that.", "I don't know."), 1);
  EXPECT_EQ(exact({}, "Paris", "I don't know."), 0);
  EXPECT_EQ(exact({}, "I don't know.", "Paris"), 0);
  EXPECT_EQ(exact({{"extract", "#### (.*)"}}, "I don't know.", "I don't know."), 1);
}

TEST(ExactAnswer, PromptWithoutReferenceIsAnErrorUnlessToldOtherwise) {
  EXPECT_EQ(
      error_of([] { exact({}, "Paris", ""); }),
      "the prompt [{\"role\":\"user\"}] has no reference to compare its answers with; give its "
      "row a \"reference\", or set without_reference: zero");
  EXPECT_EQ(error_of([] { exact({}, "", " . "); }).substr(0, 10), "the prompt");
  EXPECT_EQ(exact({{"without_reference", "zero"}}, "Paris", ""), 0);
  EXPECT_EQ(exact({{"without_reference", "zero"}}, "", ""), 0);
}

TEST(ExactAnswer, RefusesExpressionsThatExtractNothing) {
  EXPECT_EQ(error_of([] {
              exact({{"extract", "[0-9]+"}}, "", "");
            }),
            "extract \"[0-9]+\" has no group: put what is the answer into ( )");
  EXPECT_EQ(error_of([] {
              exact({{"extract", "([0-9]+"}}, "", "");
            }),
            "extract \"([0-9]+\": missing closing parenthesis at character 8");
}

TEST(Format, MatchesTheWholeAnswer) {
  EXPECT_EQ(format("<a>.*</a>", "<a>x</a>"), 1);
  EXPECT_EQ(format("<a>.*</a>", "<a>x</a>\n"), 0);
  EXPECT_EQ(format("<a>.*</a>", "y<a>x</a>"), 0);
  EXPECT_EQ(format("<a>.*</a>", "<a>x\ny</a>"), 0);
  EXPECT_EQ(format("(?s)<a>.*</a>", "<a>x\ny</a>"), 1);
  EXPECT_EQ(format("a|ab", "ab"), 1) << "no alternative is a match of a part";
  EXPECT_EQ(format(".", "é"), 1) << "characters, not bytes";
  EXPECT_EQ(format("", ""), 1);
  EXPECT_EQ(format(".+", ""), 0);
  EXPECT_EQ(format("a.", "a\xff"), 1) << "U+FFFD";
}

TEST(Pattern, ThatBacktracksWithoutEndIsAnError) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string answer = std::string(40, 'a') + "!";
  EXPECT_EQ(error_of([&] { format("(a+)+", answer); }).substr(0, 61),
            "pattern \"(a+)+\" goes through more ways to match an answer of ");
  EXPECT_EQ(error_of([&] {
              exact({{"extract", "(a+a+)+[bc]"}}, answer, "x");
            }).substr(0, 21),
            "extract \"(a+a+)+[bc]\"");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(Length, IsAShareOfTheBoundThatIsBroken) {
  EXPECT_DOUBLE_EQ(length({{"max_words", 4}}, "one two three four"), 1);
  EXPECT_DOUBLE_EQ(length({{"max_words", 4}}, "one two three four five"), 0.8);
  EXPECT_DOUBLE_EQ(length({{"min_words", 4}}, "one\u00a0two three"), 0.75);
  EXPECT_DOUBLE_EQ(length({{"min_words", 4}}, ""), 0);
  EXPECT_DOUBLE_EQ(length({{"max_words", 4}}, ""), 1);
  EXPECT_DOUBLE_EQ(length({{"max_characters", 2}}, "éüß€"), 0.5) << "characters, not bytes";
  EXPECT_DOUBLE_EQ(length({{"min_characters", 4}}, "é\xff"), 0.5);
  EXPECT_DOUBLE_EQ(length({{"min_words", 2}, {"max_characters", 4}}, "fourfour"), 0.5);
}

TEST(Length, RefusesBoundsThatNothingKeeps) {
  EXPECT_EQ(error_of([] {
              length({{"min_words", 5}, {"max_words", 4}}, "");
            }),
            "min_words 5 is greater than max_words 4");
  EXPECT_EQ(
      error_of([] { length({}, ""); }),
      "no length is preferred: set one of min_words, max_words, min_characters, max_characters");
}

}  // namespace
}  // namespace lehr::plugins::rewards
