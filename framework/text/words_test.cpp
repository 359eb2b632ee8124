#include "text/words.h"

#include <gtest/gtest.h>

#include <string>

namespace lehr::text {
namespace {

using Words = std::vector<std::string>;

Words words(std::string_view text, WordSplitter splitter = WordSplitter::uax29) {
  std::vector<Span> spans;
  find_words(text, splitter, spans);
  Words out;
  for (const Span s : spans) out.emplace_back(text.substr(s.begin, s.end - s.begin));
  return out;
}

std::size_t sentences(std::string_view text, std::size_t enough = 100) {
  std::vector<Span> scratch;
  return count_sentences(text, enough, scratch);
}

TEST(Words, AreCutAtWhitespaceWherePythonCuts) {
  EXPECT_EQ(words(" a,b\u00a0“c”\x1f\u3000é\u200bf\n", WordSplitter::whitespace),
            (Words{"a,b", "“c”", "é\u200bf"}));
  EXPECT_EQ(words("", WordSplitter::whitespace), Words{});
}

TEST(Words, AreCutAtUnicodesBoundaries) {
  EXPECT_EQ(words("Hello, \"world\"!"), (Words{"Hello", ",", "\"", "world", "\"", "!"}));
  EXPECT_EQ(words("can't 3.14 1,000 _id a.b e.g. x:y 'tis"),
            (Words{"can't", "3.14", "1,000", "_id", "a.b", "e.g", ".", "x:y", "'", "tis"}));
  EXPECT_EQ(words("a.1 1.a a..b a.'b"),
            (Words{"a", ".", "1", "1", ".", "a", "a", ".", ".", "b", "a", ".", "'", "b"}));
  EXPECT_EQ(words("…—日本カタ_カ"), (Words{"…", "—", "日", "本", "カタ_カ"}));
}

TEST(Words, KeepMarksAndJoinersWithWhatTheyFollow) {
  EXPECT_EQ(words("a\u0301b .\u0301 \u0301 1\u00ad.\u00ad5"),
            (Words{"a\u0301b", ".\u0301", "\u0301", "1\u00ad.\u00ad5"}));
  EXPECT_EQ(words("🇩🇪🇫🇷🇮 👩\u200d💻 א\"ב א'"), (Words{"🇩🇪", "🇫🇷", "🇮", "👩\u200d💻", "א\"ב", "א'"}));
}

// They are looked for in pieces of 64 bytes.
TEST(Words, AreTheSameWhereverTheyStand) {
  const Words pieces = {"can't",
                        "3.14",
                        "_id",
                        "a.b",
                        "e.g.",
                        "x:y",
                        "'tis",
                        "a.1",
                        "1.a",
                        "a..b",
                        "a.'b",
                        "…—日本カ",
                        "a\u0301b",
                        ".\u0301",
                        "1\u00ad.\u00ad5",
                        "café",
                        "a.é",
                        "é.a",
                        "\u3000,\u2003z\u00a0",
                        "“c”",
                        "\x1f-\v"};
  for (const WordSplitter splitter : {WordSplitter::uax29, WordSplitter::whitespace}) {
    std::string text;
    Words expected;
    for (const std::string& piece : pieces) {
      text += piece + ' ';
      for (const std::string& word : words(piece, splitter)) expected.push_back(word);
    }
    for (std::size_t before = 0; before < 130; ++before) {
      EXPECT_EQ(words(std::string(before, ' ') + text, splitter), expected) << before;
      expected.insert(expected.begin(), std::string(before + 1, 'x'));
      EXPECT_EQ(words(expected[0] + ' ' + text, splitter), expected) << before;
      expected.erase(expected.begin());
    }
  }
}

TEST(Sentences, EndWithATerminalAndThePunctuationAfterIt) {
  EXPECT_EQ(sentences(""), 1u);
  EXPECT_EQ(sentences("one. two"), 2u);
  EXPECT_EQ(sentences("\"One?\" he said. (Two!) three。四"), 5u);
  EXPECT_EQ(sentences("one. two. three. four", 2), 2u);
}

TEST(Sentences, DoNotEndWithAnEllipsisOrAnInitial) {
  EXPECT_EQ(sentences("and so on... and on"), 1u);
  EXPECT_EQ(sentences("J. Smith of the U.S. Navy. Or the USA. Yes"), 3u);
  EXPECT_EQ(sentences("version 2.5 of lehr.txt"), 1u);
}

}  // namespace
}  // namespace lehr::text
