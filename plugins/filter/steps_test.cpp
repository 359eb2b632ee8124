#include <gtest/gtest.h>

#include "fake_host.h"
#include "gopher_quality.h"
#include "length.h"
#include "normalize.h"
#include "punctuation.h"

namespace lehr::plugins::filter {
namespace {

// Verdict of a step on one text: its reason, "-> text" if it was rewritten, "" if it stays.
template <class T>
std::string judge(const std::string& text, const nlohmann::json& parameters = nullptr) {
  const ValueTree tree(parameters);
  const auto step = detail::bind<T>(tree.root());
  lehr_document raw{};
  raw.text = borrow(text);
  std::set<std::string, std::less<>> reasons;
  std::deque<std::string> texts;
  Document document(raw, reasons, texts);
  step->process(document);
  if (raw.verdict == LEHR_DROP) return std::string(view(raw.reason));
  if (raw.verdict == LEHR_REWRITE) return "-> " + std::string(view(raw.rewritten));
  return "";
}

std::string repeat(const std::string& text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(Normalize, ComposesAndFoldsAsItsFormSays) {
  EXPECT_EQ(judge<Normalize>("plain"), "");
  EXPECT_EQ(judge<Normalize>("é"), "");
  EXPECT_EQ(judge<Normalize>("e\u0301"), "-> é");
  EXPECT_EQ(judge<Normalize>("ﬁ"), "");
  EXPECT_EQ(judge<Normalize>("ﬁ１", {{"form", "NFKC"}}), "-> fi1");
}

TEST(Length, CountsCharactersNotBytes) {
  const nlohmann::json three = {{"min_characters", 3}, {"max_characters", 3}};
  EXPECT_EQ(judge<Length>("é中", three), "too_few_characters");
  EXPECT_EQ(judge<Length>("é中😀", three), "");
  EXPECT_EQ(judge<Length>("abcd", three), "too_many_characters");
  EXPECT_EQ(judge<Length>("a b", {{"min_words", 3}}), "too_few_words");
  EXPECT_EQ(judge<Length>("a b\nc", {{"max_words", 2}}), "too_many_words");
}

TEST(Length, RefusesBoundsThatNothingMeets) {
  EXPECT_THROW(judge<Length>("", {{"min_words", 3}, {"max_words", 2}}), Error);
}

TEST(GopherQuality, NamesTheFirstRuleThatFails) {
  const std::string good = repeat("the house of glass stands here ", 10);  // 60 words
  EXPECT_EQ(judge<GopherQuality>(good), "");
  EXPECT_EQ(judge<GopherQuality>(""), "gopher_short_doc");
  EXPECT_EQ(judge<GopherQuality>(repeat("house , ", 49)), "gopher_short_doc");
  EXPECT_EQ(judge<GopherQuality>(good, {{"max_words", 59}}), "gopher_long_doc");
  EXPECT_EQ(judge<GopherQuality>(repeat("to be ", 30)), "gopher_below_avg_threshold");
  EXPECT_EQ(judge<GopherQuality>(repeat("incomprehensible ", 60)), "gopher_above_avg_threshold");
  EXPECT_EQ(judge<GopherQuality>(good + "#######"), "gopher_too_many_hashes");
  EXPECT_EQ(judge<GopherQuality>(good + "............ ………"), "gopher_too_many_ellipsis");
  EXPECT_EQ(judge<GopherQuality>(repeat(" - the house of glass\n", 15)), "gopher_too_many_bullets");
  EXPECT_EQ(
      judge<GopherQuality>(repeat("the house of glass here and there and over there too… \n", 10)),
      "gopher_too_many_end_ellipsis");
  EXPECT_EQ(judge<GopherQuality>(good + repeat("1234 ", 16)), "gopher_below_alpha_threshold");
  EXPECT_EQ(judge<GopherQuality>(repeat("The house stands here ", 15)), "gopher_enough_stop_words");
}

TEST(GopherQuality, AThresholdOfZeroOrNullSwitchesItsRuleOff) {
  for (const nlohmann::json& off : {nlohmann::json(0), nlohmann::json(nullptr)}) {
    const nlohmann::json parameters = {
        {"min_words", off},          {"min_mean_word_length", off}, {"max_mean_word_length", off},
        {"min_stop_words", off},     {"max_symbol_ratio", off},     {"max_bullet_lines", off},
        {"max_ellipsis_lines", off}, {"min_alphabetic_words", off}};
    EXPECT_EQ(judge<GopherQuality>("# - ...", parameters), "");
    EXPECT_EQ(judge<GopherQuality>("", parameters), "");
  }
}

TEST(GopherQuality, CountsWordsOfAnyScriptAndPunctuationOfMany) {
  for (const char32_t c : {U'!', U'…', U'\0', U'\u0085', U'。', U'።', U'１', U'»'})
    EXPECT_TRUE(is_punctuation(c)) << static_cast<unsigned>(c);
  for (const char32_t c : {U'a', U' ', U'\n', U'中', U'•', U'２', U'\u2028'})
    EXPECT_FALSE(is_punctuation(c)) << static_cast<unsigned>(c);
}

}  // namespace
}  // namespace lehr::plugins::filter
