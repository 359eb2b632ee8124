#include "text/oniguruma.h"

#include <gtest/gtest.h>
#include <lehr/value.h>

#include "text/regex_cutter.h"

namespace lehr::text {
namespace {

using Words = std::vector<std::string>;

Words cut(const std::string& expression, const std::string& text) {
  std::vector<std::size_t> ends;
  RegexCutter(expression).cut(text, 0, text.size(), ends);
  Words words;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

std::string refusal(const std::string& expression) {
  try {
    RegexCutter{expression};
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

// What tokenizers 0.23 gives for each (tests/oracle/run tokenizer_oracle asks it for many more).
TEST(Oniguruma, CutsAsTheirEngineDoes) {
  EXPECT_EQ(cut("\\h+", "go deadBEEF 1"), (Words{"go ", "deadBEEF", " ", "1"}));
  EXPECT_EQ(cut("[\\h-]+", "x1-a y"), (Words{"x", "1-a", " y"}));
  EXPECT_EQ(cut("\\v", "a\x0b\nb"), (Words{"a", "\x0b", "\nb"}));
  EXPECT_EQ(cut("\\s+$", "a \nb \n"), (Words{"a", " ", "\nb", " \n"}));
  EXPECT_EQ(cut("^.", "ab\ncd\n"), (Words{"a", "b\n", "c", "d\n"}));
  EXPECT_EQ(cut("\\s", "a\u180e b"), (Words{"a\u180e", " ", "b"}));
  EXPECT_EQ(cut("\\w+", "\u0928\u092e\u0938\u094d\u0924\u0947!"),
            (Words{"\u0928\u092e\u0938\u094d\u0924\u0947", "!"}));
  EXPECT_EQ(cut("\\w+", "a\u00b2\u2070-"), (Words{"a\u00b2", "\u2070-"}));
  EXPECT_EQ(cut("[\\w]+", "a\u00b2-"), (Words{"a", "\u00b2-"}));
  EXPECT_EQ(cut("[^\\w]+", "a_b- c"), (Words{"a_b", "- ", "c"}));
  EXPECT_EQ(cut("\\u4e2d|[\\u3040-\\u309f]", "a\u4e2d\u3042"), (Words{"a", "\u4e2d", "\u3042"}));
  EXPECT_EQ(cut("\\p{Han}+", "\u4e2d\u3001\u4e2d"), (Words{"\u4e2d", "\u3001", "\u4e2d"}));
  EXPECT_EQ(cut("\\p{^Han}+", "\u4e2dab\u4e2d"), (Words{"\u4e2d", "ab", "\u4e2d"}));
}

TEST(Oniguruma, CutsWhereAMatchIsEmpty) {
  EXPECT_EQ(cut("\\b", "ab, c"), (Words{"ab", ", ", "c"}));
  EXPECT_EQ(cut("(?<=\\p{L})(?=\\p{N})", "a1b2"), (Words{"a", "1b", "2"}));
  EXPECT_EQ(cut("x*", "a\u00e9xxb"), (Words{"a", "\u00e9", "xx", "b"}));
  EXPECT_EQ(cut("x*", "\xff\xfe"), (Words{"\xff", "\xfe"}));
}

TEST(Oniguruma, RefusesWhatIsNotTheSameInBoth) {
  for (const char* expression :
       {"\\p{N}{1,3}+", "a{,2}",     "a{2}?",           "(?m).",       "(?s).", "a(?i)b",
        "(*UCP)a",      "[a[b]]",    "[[:alpha:]]",     "[a-z&&[^a]]", "[]a]",  "[\\W]",
        "\\X",          "\\Qa\\E",   "\\p{Script=Han}", "\\pL",        "\\xe9", "\\u12",
        "(?i)\u00e9",   "(?i:best)", "(?i:\\p{Lu})",    "\\x{110000"})
    EXPECT_NE(refusal(expression).find("is not supported"), std::string::npos) << expression;
  EXPECT_EQ(refusal("\\p{N}{1,3}+"),
            "'\\p{N}{1,3}+' is no regular expression for a pre-tokenizer: {1,3}+ at character 6 is "
            "not supported, as engines differ in what it means. Write {1,3}, or (?>x{1,3})");
}

TEST(Oniguruma, NamesThePlaceOfAMistakeInWhatWasWritten) {
  EXPECT_NE(refusal("\\w(a").find("missing closing parenthesis at character 5"), std::string::npos)
      << refusal("\\w(a");
  EXPECT_NE(refusal("a\\").find("at character 3"), std::string::npos) << refusal("a\\");
}

TEST(Oniguruma, TellsOfLineAnchors) {
  EXPECT_TRUE(RegexCutter("\\s+$").has_line_anchors());
  EXPECT_FALSE(RegexCutter("[$^]\\$\\z").has_line_anchors());
}

}  // namespace
}  // namespace lehr::text
