#include "text/words_and_lines.h"

#include <gtest/gtest.h>

namespace lehr::text {
namespace {

using Parts = std::vector<std::string_view>;

TEST(WordsAndLines, SplitWordsWherePythonDoes) {
  Parts words;
  split_words(
      " a\u00a0b\x1f"
      "c\u3000\u2009dé\u200bf\u0085\t",
      words);
  EXPECT_EQ(words, (Parts{"a", "b", "c", "dé\u200bf"}));  // U+200B is no whitespace
  split_words("whole", words);
  EXPECT_EQ(words, (Parts{"whole"}));
  split_words(" \n", words);
  EXPECT_TRUE(words.empty());
}

TEST(WordsAndLines, SplitLinesWherePythonDoes) {
  Parts lines;
  split_lines(
      "a\r\nb\rc\v\fd\x1c"
      "e\x1f"
      "f\u2028g\u0085\n",
      lines);
  EXPECT_EQ(lines, (Parts{"a", "b", "c", "", "d",
                          "e\x1f"
                          "f",
                          "g", ""}));
  split_lines("", lines);
  EXPECT_TRUE(lines.empty());
  split_lines("\n\n", lines);
  EXPECT_EQ(lines, (Parts{"", ""}));
}

TEST(WordsAndLines, StripBothEndsByCharacters) {
  EXPECT_EQ(strip_left("\u3000 é "), "é ");
  EXPECT_EQ(strip_right(" é\u2028\x1f"), " é");
  EXPECT_EQ(strip_left(" \t"), "");
  EXPECT_EQ(strip_right(" \t"), "");
}

TEST(WordsAndLines, KnowLettersOfAnyScript) {
  for (const char32_t c : {U'a', U'É', U'ß', U'中', U'ʰ', U'ǅ'}) EXPECT_TRUE(is_alphabetic(c));
  for (const char32_t c : {U'1', U'_', U'²', U'Ⅳ', U'😀', U'\u0301'}) EXPECT_FALSE(is_alphabetic(c));
  EXPECT_EQ(count_code_points("aé中😀"), 4u);
}

}  // namespace
}  // namespace lehr::text
