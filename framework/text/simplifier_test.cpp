#include "text/simplifier.h"

#include <gtest/gtest.h>

#include <cctype>
#include <random>
#include <string>
#include <vector>

namespace lehr::text {
namespace {

std::string simple(std::string_view text) {
  Simplifier simplifier;
  return std::string(simplifier.simplify(text));
}

TEST(Simplifier, LowersAndTurnsPunctuationAndWhitespaceIntoOneSpace) {
  EXPECT_EQ(simple("  Hello,\tWORLD!\n\n«Yes»… (no)\u3000。 "), "hello world yes no");
  EXPECT_EQ(simple(""), "");
  EXPECT_EQ(simple(" \n.,!"), "");
}

TEST(Simplifier, WritesEveryNumberAsZero) {
  EXPECT_EQ(simple("1 22 3.14 1,000 1.234.567 5. .5 x9y ٣٫١٤ １２ 7⎖5"),
            "0 0 0 0 0 0 0 0 x0y 0 0 0");
}

TEST(Simplifier, DropsAccentsAndKeepsLettersOfEveryScript) {
  EXPECT_EQ(simple("Ünïcödé e\u0301 Ångström İstanbul ﬁ 中文 Ж ñ"),
            "unicode e angstrom istanbul ﬁ 中文 ж n");
  EXPECT_EQ(simple("\uac00"), "\u1100\u1161");  // a Hangul syllable is two letters
  EXPECT_EQ(simple("a \u0301 b"), "a  b");      // a word of marks leaves its spaces
  EXPECT_EQ(simple("\u0301 b"), "b");
}

// Sixteen bytes at a time or one by one, at every offset: against the rule written down.
TEST(Simplifier, TakesAsciiInStridesAsOneByOne) {
  std::mt19937 random(1);
  Simplifier simplifier;
  for (int round = 0; round < 3000; ++round) {
    const std::string_view alphabet = round % 3 ? "abcXYZz@[`{ ,\n" : "aZ .19\x7f\t";
    std::string text, expected;
    for (auto left = random() % 150; left > 0; --left) text += alphabet[random() % alphabet.size()];
    const auto digit = [&](std::size_t i) { return i < text.size() && std::isdigit(text[i]); };
    std::vector<Span> words;
    bool in_word = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (!std::isalnum(c)) {
        in_word = false;
        continue;
      }
      if (!in_word && !expected.empty()) expected += ' ';
      if (!in_word) words.push_back({static_cast<std::uint32_t>(expected.size()), 0});
      in_word = true;
      expected += static_cast<char>(digit(i) ? '0' : std::tolower(c));
      if (digit(i)) {
        while (digit(i + 1)) ++i;
        if (i + 1 < text.size() && text[i + 1] == '.' && digit(i + 2)) ++i;
        while (digit(i + 1)) ++i;
      }
      words.back().end = static_cast<std::uint32_t>(expected.size());
    }
    ASSERT_EQ(simplifier.simplify(text), expected) << text;
    ASSERT_EQ(simplifier.words(), words) << text;
  }
}

TEST(Simplifier, EndsWordsWithAFinalSigma) {
  EXPECT_EQ(simple("ΟΔΟΣ ΟΔΟΣ. ΣΑΣ Σ ΑΣ1"), "οδος οδος σας σ ας0");
}

TEST(Simplifier, PutsMarksThatAreNotDroppedInCanonicalOrder) {
  // U+302E (class 224) stands behind U+1D165 (class 216), however they were written.
  EXPECT_EQ(simple("a\u302e\U0001d165"), simple("a\U0001d165\u302e"));
  EXPECT_EQ(simple("A\u302e\U0001d165, B"), "a\U0001d165\u302e b");
}

}  // namespace
}  // namespace lehr::text
