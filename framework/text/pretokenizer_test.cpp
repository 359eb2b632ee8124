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

TEST(Pretokenizer, CutsDigitsOneByOneAndElseAsGpt2) {
  EXPECT_EQ(cut(Pattern::smollm, "in  19's 84  x  \u0661\n"),
            (Words{"in", "  ", "1", "9", "'s", " ", "8", "4", " ", " x", "  ", "\u0661", "\n"}));
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

std::vector<std::size_t> ends_of(Pattern pattern, std::string_view text, Simd simd) {
  std::vector<std::size_t> ends;
  PretokenCutter cutter(pattern, text, simd);
  for (auto next = cutter.next(); !next.empty(); next = cutter.next())
    ends.insert(ends.end(), next.begin(), next.end());
  return ends;
}

// Pieces that make every rule of the expressions meet every other at every place of a window.
enum class Kind { ascii, utf8, bytes };
std::string random_text(std::mt19937& random, Kind kind) {
  static const std::vector<std::string> pieces = {
      " ",       " ",      "  ",     "\n",     "\r\n",   "\t",         " \n ",
      "\n\n  ",  "a",      "B",      "the",    "The",    "HTTPServer", "iPhone",
      "'s",      "'S",     "'t",     "'re",    "'LL",    "'vE",        "'d",
      "'",       "''",     "'x",     "1",      "22",     "4444",       "55555",
      ".",       "//",     "/",      ".\n/",   "!?\n\n", "#",          "abcdefghijklmnopqrstuvwxyz",
      "\f",      "\v",     "-",      "\x1c",   "\x7f",   "\u00e9",     "\u0301",
      "'\u017F", "\u3042", "\u01c5", "\u00a0", "\u2028", "\u0661",     "\xff",
      "\xe3"};
  const std::size_t most = pieces.size() - (kind == Kind::ascii ? 10 : kind == Kind::utf8 ? 2 : 0);
  std::string text;
  while (text.size() < 400) text += pieces[random() % most];
  return text;
}

TEST(Pretokenizer, CutsTheSameByWindowsAsByCharacter) {
  std::mt19937 random(11);
  for (int round = 0; round < 4000; ++round) {
    const std::string text = random_text(random, round % 4 != 0   ? Kind::ascii
                                                 : round % 8 != 0 ? Kind::utf8
                                                                  : Kind::bytes);
    for (const Pattern pattern : kPatterns) {
      const auto wanted = ends_of(pattern, text, Simd::none);
      for (const Simd simd : {Simd::avx2, Simd::avx512})
        if (simd <= best_simd()) {
          ASSERT_EQ(ends_of(pattern, text, simd), wanted) << pattern_name(pattern) << ": " << text;
        }
    }
  }
}

TEST(Pretokenizer, ClassifiesEveryByteAsTheSlowRule) {
  char bytes[256 + 64];
  for (std::size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<char>(i);
  const auto fields = [](const ByteClasses& c) {
    return std::vector<std::uint64_t>{c.upper, c.lower,      c.digit, c.space, c.newline,
                                      c.blank, c.apostrophe, c.slash, c.beyond};
  };
  for (const Simd simd : {Simd::avx2, Simd::avx512})
    if (simd <= best_simd()) {
      for (int at = 0; at < 256; ++at)
        EXPECT_EQ(fields(classify_with(simd)(bytes + at)),
                  fields(classify_with(Simd::none)(bytes + at)));
    }
}

TEST(Pretokenizer, CutsTenMegabytesOfOneKindInLinearTime) {
  for (const char* piece : {"a", "A", " ", "\n", ".", "1", " \n", "A\u3042", "\u3000"}) {
    std::string text;
    while (text.size() < 10 << 20) text += piece;
    for (const Pattern pattern : kPatterns)
      EXPECT_EQ(ends_of(pattern, text, best_simd()).back(), text.size());
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

// The expressions themselves, through the engine, against the scanning by hand.
TEST(Pretokenizer, CutsAsItsExpressionsSay) {
  std::mt19937 random(5);
  for (const Pattern pattern : kPatterns) {
    // A group around it, so that it is none of the known ones.
    const Pretokenizer slow(std::vector{"(?:" + std::string(pattern_regex(pattern)) + ")"});
    ASSERT_FALSE(slow.pattern().has_value());
    for (int round = 0; round < 300; ++round) {
      const std::string text = random_text(random, round % 2 == 0 ? Kind::ascii : Kind::utf8);
      Words by_hand, by_engine;
      for_each_pretoken(pattern, text, [&](std::string_view w) { by_hand.emplace_back(w); });
      for_each_pretoken(slow, text, [&](std::string_view w) { by_engine.emplace_back(w); });
      ASSERT_EQ(by_hand, by_engine) << pattern_name(pattern) << ": " << text;
    }
  }
}

// As tokenizer.json files have it: the digits, then the rest as gpt2.
TEST(Pretokenizer, KnowsSmollmByItsTwoSteps) {
  const std::string gpt2(pattern_regex(Pattern::gpt2));
  EXPECT_EQ(Pretokenizer(std::vector<std::string>{"\\p{N}", gpt2}).pattern(), Pattern::smollm);
  EXPECT_EQ(Pretokenizer(Pattern::smollm).expressions(),
            (std::vector<std::string>{"\\p{N}", gpt2}));
  const Pretokenizer slow(std::vector<std::string>{"(?:\\p{N})", gpt2});
  ASSERT_FALSE(slow.pattern().has_value());
  std::mt19937 random(6);
  for (int round = 0; round < 1000; ++round) {
    const std::string text = random_text(random, round % 2 == 0 ? Kind::ascii : Kind::utf8);
    Words by_engine;
    for_each_pretoken(slow, text, [&](std::string_view w) { by_engine.emplace_back(w); });
    ASSERT_EQ(cut(Pattern::smollm, text), by_engine) << text;
  }
}

TEST(Pretokenizer, CutsThePiecesOfOneExpressionByTheNext) {
  const Pretokenizer steps(std::vector<std::string>{"\\p{N}{1,3}", "[a-z]+|\\s+"});
  Words words;
  for_each_pretoken(steps, "ab-12345 c!", [&](std::string_view w) { words.emplace_back(w); });
  EXPECT_EQ(words, (Words{"ab", "-", "123", "45", " ", "c", "!"}));
  EXPECT_THROW(Pretokenizer(std::vector<std::string>{"(a"}), std::runtime_error);
}

}  // namespace
}  // namespace lehr::text
