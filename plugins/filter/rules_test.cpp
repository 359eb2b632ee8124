#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "c4_paragraph.h"
#include "c4_quality.h"
#include "fineweb_quality.h"
#include "gopher_quality.h"
#include "gopher_repetition.h"
#include "length.h"
#include "normalize.h"
#include "punctuation.h"
#include "run_hash.h"
#include "text_tables.h"
#include "verdict_on.h"

namespace lehr::plugins::filter {
namespace {

using text::ValueTree;

std::string repeat(const std::string& text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(Normalize, ComposesAndFoldsAsItsFormSays) {
  EXPECT_EQ(verdict_on<Normalize>("plain"), "");
  EXPECT_EQ(verdict_on<Normalize>("é"), "");
  EXPECT_EQ(verdict_on<Normalize>("e\u0301"), "-> é");
  EXPECT_EQ(verdict_on<Normalize>("ﬁ"), "");
  EXPECT_EQ(verdict_on<Normalize>("ﬁ１", {{"form", "NFKC"}}), "-> fi1");
}

TEST(Length, CountsCharactersNotBytes) {
  const nlohmann::json three = {{"min_characters", 3}, {"max_characters", 3}};
  EXPECT_EQ(verdict_on<Length>("é中", three), "too_few_characters");
  EXPECT_EQ(verdict_on<Length>("é中😀", three), "");
  EXPECT_EQ(verdict_on<Length>("abcd", three), "too_many_characters");
  EXPECT_EQ(verdict_on<Length>("a b", {{"min_words", 3}}), "too_few_words");
  EXPECT_EQ(verdict_on<Length>("a b\nc", {{"max_words", 2}}), "too_many_words");
}

TEST(Length, RefusesBoundsThatNothingMeets) {
  EXPECT_THROW(verdict_on<Length>("", {{"min_words", 3}, {"max_words", 2}}), Error);
}

TEST(GopherQuality, RefusesBoundsThatNothingMeets) {
  EXPECT_THROW(verdict_on<GopherQuality>("", {{"min_words", 3000}, {"max_words", 3}}), Error);
  EXPECT_THROW(verdict_on<GopherQuality>("", {{"min_mean_word_length", 11}}), Error);
  EXPECT_NO_THROW(verdict_on<GopherQuality>("", {{"max_words", 0}})) << "no bound";
}

TEST(GopherQuality, NamesTheFirstRuleThatFails) {
  const std::string good = repeat("the house of glass stands here ", 10);  // 60 words
  for (const char* splitter : {"uax29", "whitespace"}) {
    const auto reason = [&](const std::string& text, nlohmann::json parameters = {}) {
      parameters["word_splitter"] = splitter;
      return verdict_on<GopherQuality>(text, parameters);
    };
    EXPECT_EQ(reason(good), "");
    EXPECT_EQ(reason(""), "gopher_short_doc");
    EXPECT_EQ(reason(repeat("house , ", 49)), "gopher_short_doc");
    EXPECT_EQ(reason(good, {{"max_words", 59}}), "gopher_long_doc");
    EXPECT_EQ(reason(repeat("to be ", 30)), "gopher_below_avg_threshold");
    EXPECT_EQ(reason(repeat("incomprehensible ", 60)), "gopher_above_avg_threshold");
    EXPECT_EQ(reason(good + "########"), "gopher_too_many_hashes");
    EXPECT_EQ(reason(" - a\n" + good + "............ …… … … … …"), "gopher_too_many_ellipsis");
    EXPECT_EQ(reason(repeat(" - the house of glass\n", 15)), "gopher_too_many_bullets");
    EXPECT_EQ(reason(repeat("the house of glass here and there and over there too… \n", 10)),
              "gopher_too_many_end_ellipsis");
    EXPECT_EQ(reason(good + repeat("1234 ", 16)), "gopher_below_alpha_threshold");
    EXPECT_EQ(reason(repeat("The house stands here ", 15)), "gopher_enough_stop_words");
  }
}

// Tables of spaCy's form by which only full stops and what is in `special_cases` come off words.
class SpacyTableTest : public testing::Test {
 protected:
  nlohmann::json table(const char* name, const nlohmann::json& special_cases) {
    const auto path = std::filesystem::path(folder_.path) / name;
    std::ofstream(path) << nlohmann::json{{"format", "lehr spacy table 1"},
                                          {"prefix", "^\\("},
                                          {"suffix", "\\.$"},
                                          {"suffix_width", 1},
                                          {"infix", "-"},
                                          {"url_match", nullptr},
                                          {"special_cases", special_cases},
                                          {"sentence_ends", {"."}}};
    return {{"spacy_table", path.string()}};
  }

 private:
  struct Folder {
    const std::string path = testing::TempDir() + "lehr_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name();
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
  };
  const Folder folder_;
};

TEST_F(SpacyTableTest, CutsWordsByEachStepsOwnTable) {
  nlohmann::json whole = table("whole.json", nlohmann::json::object());
  nlohmann::json cut = table("cut.json", {{"theof", {"the", "of"}}});
  for (auto* with : {&whole, &cut}) with->update({{"min_words", 0}, {"min_alphabetic_words", 0}});
  const std::string text = repeat("theof glass. ", 30);
  EXPECT_EQ(verdict_on<GopherQuality>(text, whole), "gopher_enough_stop_words");
  EXPECT_EQ(verdict_on<GopherQuality>(text, cut), "") << "of the same text, with another table";
  EXPECT_EQ(verdict_on<GopherQuality>(text, whole), "gopher_enough_stop_words");
}

TEST_F(SpacyTableTest, CutsSentencesOfC4) {
  nlohmann::json with = table("p.m..json", {{"p.m.", {"p.m."}}});
  with.update({{"min_sentences", 2}});
  EXPECT_EQ(verdict_on<C4Quality>("It opens at p.m. and closes.", with), "too_few_sentences");
  EXPECT_EQ(verdict_on<C4Quality>("It opens at ten. It closes.", with), "");
}

TEST_F(SpacyTableTest, IsNotGivenBesideAnotherSplitter) {
  nlohmann::json with = table("table.json", nlohmann::json::object());
  with.update({{"word_splitter", "whitespace"}});
  EXPECT_THROW(verdict_on<FinewebQuality>("text", with), Error);
}

TEST(GopherQuality, CutsPunctuationOffWordsUnlessToldOtherwise) {
  const std::string text = repeat("the, be. ", 30);
  EXPECT_EQ(verdict_on<GopherQuality>(text, {{"min_mean_word_length", 0}}),
            "gopher_below_alpha_threshold");
  EXPECT_EQ(verdict_on<GopherQuality>(
                text, {{"min_mean_word_length", 0}, {"word_splitter", "whitespace"}}),
            "gopher_enough_stop_words");
}

TEST(GopherQuality, AThresholdOfZeroOrNullSwitchesItsRuleOff) {
  for (const nlohmann::json& off : {nlohmann::json(0), nlohmann::json(nullptr)}) {
    const nlohmann::json parameters = {
        {"min_words", off},          {"min_mean_word_length", off}, {"max_mean_word_length", off},
        {"min_stop_words", off},     {"max_symbol_ratio", off},     {"max_bullet_lines", off},
        {"max_ellipsis_lines", off}, {"min_alphabetic_words", off}};
    EXPECT_EQ(verdict_on<GopherQuality>("# - ...", parameters), "");
    EXPECT_EQ(verdict_on<GopherQuality>("", parameters), "");
  }
}

TEST(GopherQuality, CountsWordsOfAnyScriptAndPunctuationOfMany) {
  for (const char32_t c : {U'!', U'…', U'\0', U'\u0085', U'。', U'።', U'１', U'»'})
    EXPECT_TRUE(is_punctuation(c)) << static_cast<unsigned>(c);
  for (const char32_t c : {U'a', U' ', U'\n', U'中', U'•', U'２', U'\u2028'})
    EXPECT_FALSE(is_punctuation(c)) << static_cast<unsigned>(c);
}

TEST(GopherRepetition, NamesTheFirstRuleThatFails) {
  const auto reason = [](const std::string& text, nlohmann::json parameters = {}) {
    return verdict_on<GopherRepetition>(text, parameters);
  };
  const std::string unlike =
      "Glass is made of sand, soda and lime\n\nIt is carried through a long kiln\n\nThere it cools "
      "so slowly that no tension stays inside";
  EXPECT_EQ(reason(unlike), "");
  EXPECT_EQ(reason(""), "empty");
  EXPECT_EQ(reason(unlike + "\n\na\n\na\n\na\n\na"), "dup_para_frac");
  const std::string sentence = "the kiln that glass goes through";
  EXPECT_EQ(reason(sentence + "\n\n" + sentence + "\n\nx\n\ny"), "dup_para_char_frac");
  EXPECT_EQ(reason(unlike + "\na\na\na\na\na"), "dup_line_frac");
  EXPECT_EQ(reason(sentence + "\n" + sentence + "\nx\ny"), "dup_line_char_frac");
  EXPECT_EQ(reason("so long so long so long and thanks"), "top_2_gram");
  EXPECT_EQ(reason(sentence + " and then " + sentence, {{"max_top_ngrams", {0, 0.18}}}),
            "top_3_gram");
  EXPECT_EQ(reason(sentence + " and then " + sentence, {{"max_top_ngrams", {0, 0}}}),
            "duplicated_5_n_grams");
}

TEST(GopherRepetition, ComparesRunsOfWordsWithoutTheirSpaces) {
  const nlohmann::json only = {{"max_top_ngrams", nlohmann::json::array()},
                               {"max_repeated_ngrams", {0.2}}};
  EXPECT_EQ(verdict_on<GopherRepetition>("to day we go far, yes, today we go f ar", only),
            "duplicated_5_n_grams");
  nlohmann::json by_word = only;
  by_word["dup_semantics"] = "dolma";
  EXPECT_EQ(verdict_on<GopherRepetition>("to day we go far, yes, today we go f ar", by_word), "");
}

TEST(GopherRepetition, CountsEveryOccurrenceAsDolmaDoes) {
  const std::string text = "a b\nc\nd e f\nc\ng";  // one of five lines repeats
  nlohmann::json parameters = {{"max_duplicate_line_characters", 0},
                               {"max_top_ngrams", nlohmann::json::array()}};
  EXPECT_EQ(verdict_on<GopherRepetition>(text, parameters), "");
  parameters["dup_semantics"] = "dolma";
  EXPECT_EQ(verdict_on<GopherRepetition>(text, parameters), "dup_line_frac");
}

// Words of three letters, no two pairs of them alike, then the first of them again.
TEST(GopherRepetition, FindsWhatRepeatsAmongMoreWordsThanItsTablesBeginWith) {
  std::string text;
  std::size_t words = 0;
  const auto word = [&](std::size_t i) {
    for (int k = 0; k < 3; ++k, i /= 60) text += static_cast<char>('A' + i % 60);
    text += ' ';
    ++words;
  };
  for (std::size_t i = 0; i < 200000; ++i) word(i);
  text::ValueTree none(nlohmann::json{{"max_top_ngrams", nlohmann::json::array()},
                                      {"max_repeated_ngrams", nlohmann::json::array()},
                                      {"word_splitter", "whitespace"}});
  const auto scores = [&] {
    std::string members;
    detail::bind<GopherRepetition>(none.root())->score(text, members);
    return nlohmann::json::parse("{" + members + "}");
  };
  EXPECT_NEAR(scores().at("top_2_gram"), 7.0 / static_cast<double>(text.size()), 1e-12);
  EXPECT_EQ(scores().at("repeated_5_grams"), 0);
  for (std::size_t i = 0; i < 50000; ++i) word(i);
  const auto size = static_cast<double>(text.size());
  EXPECT_NEAR(scores().at("top_2_gram"), 2 * 7 / size, 1e-12);
  EXPECT_NEAR(scores().at("repeated_5_grams"), 50000 * 3 / size, 1e-12);
  EXPECT_NEAR(scores().at("repeated_10_grams"), 50000 * 3 / size, 1e-12);
}

TEST(GopherRepetition, LetsGoOfWhatAHugeTextTook) {
  std::string text(TextTables::kHugeText + 2, ' ');
  for (std::size_t i = 0; i < text.size(); i += 2) text[i] = static_cast<char>('a' + i / 2 % 23);
  const auto held = [] {
    const auto memory = mallinfo2();
    return memory.uordblks + memory.hblkhd;
  };
  text::ValueTree none(nlohmann::json{{"max_top_ngrams", {1.0, 1.0, 1.0}},
                                      {"max_repeated_ngrams", nlohmann::json::array()}});
  const auto step = detail::bind<GopherRepetition>(none.root());
  const std::size_t before = held();
  std::string members;
  step->score(text, members);
  EXPECT_NE(members.find("\"repeated_5_grams\":0.4999"), std::string::npos) << members;
  TextTables::let_go();
  EXPECT_LT(held(), before + (16 << 20));
}

TEST(C4Quality, DropsLinesAndDocuments) {
  const auto verdict = [](const std::string& text, nlohmann::json parameters = {}) {
    return verdict_on<C4Quality>(text, parameters);
  };
  const std::string five = "The first one is here. And the second. Third? Fourth! \"The fifth.\"";
  EXPECT_EQ(verdict(five), "");
  EXPECT_EQ(
      verdict(five + "\nno end\n  Too short.\nWe like JavaScript a lot.\nWe use cookies here."),
      "-> " + five);
  EXPECT_EQ(verdict(five + "[1][citation needed]\n"), "-> " + five);
  EXPECT_EQ(verdict(five + "\n" + std::string(1001, 'x') + " is too long."), "-> " + five);
  EXPECT_EQ(verdict(five + "\nLorem Ipsum is dolor."), "lorem_ipsum");
  EXPECT_EQ(verdict(five + "\nLorem [12]Ipsum is dolor."), "lorem_ipsum");
  EXPECT_EQ(verdict(five + "\nint main() { return 0; }."), "curly_bracket");
  EXPECT_EQ(verdict("Only one sentence here."), "too_few_sentences");
  EXPECT_EQ(verdict("no end at all", {{"terminal_punctuation", false}, {"min_sentences", 1}}), "");
}

// They are looked for sixteen bytes at a time.
TEST(C4Quality, FindsPhrasesWhereverTheyStand) {
  const std::string five = "The first one is here. And the second. Third? Fourth! \"The fifth.\"";
  for (std::size_t before = 0; before < 40; ++before)
    for (const char* phrase : {"JavaScript", "use cookies", "Uses Coo\u212aies", "use of cookies",
                               "Cookie policy", "privacy policy", "Terms of Use"}) {
      const std::string line = "We do, " + std::string(before, 'x') + phrase;
      EXPECT_EQ(verdict_on<C4Quality>(five + "\n" + line + ".\n" + line + "."), "-> " + five)
          << line;
      EXPECT_EQ(verdict_on<C4Quality>(five + "\nlorem" + std::string(before, ' ') + "ipsum is."),
                before == 1   ? "lorem_ipsum"
                : before == 0 ? "-> " + five
                              : "")
          << before;
    }
}

TEST(C4Paragraph, WantsThreeLongLines) {
  const std::string line(200, 'x');
  EXPECT_EQ(verdict_on<C4Paragraph>(line + "\n" + line + "\n" + line), "");
  EXPECT_EQ(verdict_on<C4Paragraph>(line + "\n" + line + "\n" + line.substr(1)),
            "too_few_paragraphs");
}

TEST(FinewebQuality, NamesTheFirstRuleThatFails) {
  const std::string line = "a line of some more than thirty characters";
  const auto reason = [](const std::string& text) { return verdict_on<FinewebQuality>(text); };
  EXPECT_EQ(reason(line + "."), "");
  EXPECT_EQ(reason(" \n\t"), "empty");
  EXPECT_EQ(reason(line), "line_punct_ratio");
  EXPECT_EQ(reason("Short one.\nAnd another.\nA third."), "short_line_ratio");
  EXPECT_EQ(reason(line + ".\n" + line + "."), "char_dup_ratio");
  EXPECT_EQ(
      reason(
          "Internationalizations_and_localizations.\nIncomprehensibilities_and_the_like.\n\n\n\n"),
      "list_ratio");
}

TEST(TextTables, AreBuiltAnewForAnotherTextAtTheSamePlace) {
  std::string text = "one two";
  EXPECT_EQ(TextTables::of(text).words(text::WordSplitter::uax29).size(), 2u);
  text = "one-two";
  EXPECT_EQ(TextTables::of(text).words(text::WordSplitter::uax29).size(), 3u);
}

TEST(TextTables, AreKeptForAsManyTextsAsGoThroughTheStepsTogether) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < TextTables::kShort; ++i) texts.push_back("text " + std::to_string(i));
  std::vector<const Word*> words;
  for (const std::string& text : texts)
    words.push_back(TextTables::of(text).words(text::WordSplitter::uax29).data());
  const std::string a(TextTables::kShortText + 1, 'a'), b(TextTables::kShortText + 1, 'b');
  EXPECT_EQ(&TextTables::of(a), &TextTables::of(b)) << "of long texts there is one";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    TextTables& tables = TextTables::of(texts[i]);
    EXPECT_EQ(tables.text().data(), texts[i].data());
    EXPECT_EQ(tables.words(text::WordSplitter::uax29).data(), words[i]) << i;
  }
  const std::string further = "one more text";
  EXPECT_EQ(&TextTables::of(further), &TextTables::of(further));
  EXPECT_EQ(TextTables::of(texts[0]).words(text::WordSplitter::uax29).size(), 2u);
}

TEST(TextTables, HashWordsByAllTheirBytes) {
  const std::string text = "glass glas glassware-glassware glassware-glasswarf glass\\0";
  std::set<std::uint64_t> hashes;
  for (const Word& w : TextTables::of(text).words(text::WordSplitter::whitespace)) {
    EXPECT_EQ(w.hash, hash_bytes(TextTables::of(text).view(w)));
    hashes.insert(w.hash);
  }
  EXPECT_EQ(hashes.size(), 5u);
}

TEST(RunHash, OfTwoTextsRunTogetherFollowsFromTheirs) {
  const std::string a = "glass", b = "transportation_é_long";
  EXPECT_EQ(run_hash(a + b), run_hash(a) * run_hash_power(b.size()) + run_hash(b));
  EXPECT_NE(run_hash(std::string(1, '\0')), run_hash(std::string(2, '\0')));
  EXPECT_EQ(run_hash_power(5000), run_hash_power(4000) * run_hash_power(1000));
}

}  // namespace
}  // namespace lehr::plugins::filter
