#include "text/pretokenizer.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lehr::text {
namespace {

using Words = std::vector<std::string>;

Words cut(Pattern pattern, std::string_view text) {
  Words words;
  for_each_pretoken(pattern, text, [&](std::string_view w) { words.emplace_back(w); });
  return words;
}

TEST(Pretokenizer, CutsAsGpt2) {
  EXPECT_EQ(cut(Pattern::gpt2, "Hello  world's 123!?\n\n x"),
            (Words{"Hello", " ", " world", "'s", " 123", "!?", "\n\n", " x"}));
  EXPECT_EQ(cut(Pattern::gpt2, "don'T stop  "), (Words{"don", "'", "T", " stop", "  "}));
  EXPECT_EQ(cut(Pattern::gpt2, "\u00a0\u00e9t\u00e9\u3000\u3000x"),
            (Words{"\u00a0", "\u00e9t\u00e9", "\u3000", "\u3000", "x"}));
}

TEST(Pretokenizer, CutsAsCl100k) {
  EXPECT_EQ(cut(Pattern::cl100k, "I'VE 12345 (yes)\r\n\n  ok "),
            (Words{"I", "'VE", " ", "123", "45", " (", "yes", ")\r\n\n", " ", " ok", " "}));
  EXPECT_EQ(cut(Pattern::cl100k, "a \n b"), (Words{"a", " \n", " b"}));
  EXPECT_EQ(cut(Pattern::cl100k, "it\u2019s \tx"), (Words{"it", "\u2019s", " ", "\tx"}));
  EXPECT_EQ(cut(Pattern::llama3, "'\u017Fo 2024"), (Words{"'\u017F", "o", " ", "202", "4"}));
}

TEST(Pretokenizer, CutsDigitsOneByOneAsQwen2) {
  EXPECT_EQ(cut(Pattern::qwen2, "in 1984"), (Words{"in", " ", "1", "9", "8", "4"}));
}

TEST(Pretokenizer, CutsCaseAsO200k) {
  EXPECT_EQ(cut(Pattern::o200k, "HelloWorld HTTPServer's it'S"),
            (Words{"Hello", "World", " HTTPServer's", " it'S"}));
  EXPECT_EQ(cut(Pattern::o200k, "a/b //\n/x"), (Words{"a", "/b", " //\n/", "x"}));
  // A caseless letter is in both classes: the upper-case run gives it back as its lower-case end.
  EXPECT_EQ(cut(Pattern::o200k, "A\u3042BC"), (Words{"A\u3042", "BC"}));
  EXPECT_EQ(cut(Pattern::o200k, "ABC 1234"), (Words{"ABC", " ", "123", "4"}));
}

TEST(Pretokenizer, CoversEveryByteOfRandomBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string text(1 + random() % 200, '\0');
    // Few values, so that spaces, line ends, cut characters and apostrophes meet often.
    for (char& c : text) c = "ab AB\n\r'1s\xC5\xBF\xE3\x81\x82\xF0\xFF\t/"[random() % 20];
    for (const Pattern pattern : kPatterns) {
      std::string joined;
      for_each_pretoken(pattern, text, [&](std::string_view w) {
        EXPECT_FALSE(w.empty());
        joined += w;
      });
      EXPECT_EQ(joined, text);
    }
  }
}

TEST(Pretokenizer, KnowsNamesAndExpressions) {
  for (const Pattern pattern : kPatterns) {
    EXPECT_EQ(pattern_from_name(pattern_name(pattern)), pattern);
    ASSERT_TRUE(pattern_from_regex(pattern_regex(pattern)).has_value());
    EXPECT_EQ(pattern_regex(*pattern_from_regex(pattern_regex(pattern))), pattern_regex(pattern));
  }
  EXPECT_FALSE(pattern_from_regex("\\w+").has_value());
  EXPECT_THROW(pattern_from_name("gpt3"), std::runtime_error);
}

}  // namespace
}  // namespace lehr::text
