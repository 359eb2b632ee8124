#include "simplifier.h"

#include <gtest/gtest.h>

#include <string>

namespace lehr::plugins::minhash {
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

TEST(Simplifier, EndsWordsWithAFinalSigma) {
  EXPECT_EQ(simple("ΟΔΟΣ ΟΔΟΣ. ΣΑΣ Σ ΑΣ1"), "οδος οδος σας σ ας0");
}

TEST(Simplifier, PutsMarksThatAreNotDroppedInCanonicalOrder) {
  // U+302E (class 224) stands behind U+1D165 (class 216), however they were written.
  EXPECT_EQ(simple("a\u302e\U0001d165"), simple("a\U0001d165\u302e"));
  EXPECT_EQ(simple("A\u302e\U0001d165, B"), "a\U0001d165\u302e b");
}

}  // namespace
}  // namespace lehr::plugins::minhash
