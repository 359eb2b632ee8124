#include "text/spacy_words.h"

#include <gtest/gtest.h>
#include <lehr/value.h>

#include <fstream>
#include <string>
#include <vector>

namespace lehr::text {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// A language of our own: brackets and stops come off, hyphens between letters cut, and a few words
// are special. tests/oracle/filter_oracle.py holds the tables of spaCy itself against it.
constexpr const char* kTable = R"json({"format": "lehr spacy table 1",
  "prefix": "^\\(|^\\[|^\\.\\.+", "suffix": "!!+$|\\)$|\\]$|\\.$|(?<=[0-9])kg$",
  "suffix_width": 2,
  "infix": "(?<=[a-z])-(?=[a-z])|/", "url_match": "^w{3}\\.\\S+$",
  "special_cases": {"cannot": ["can", "not"], "p.m.": ["p.m."], "(:)": ["(:)"],
                    "5p.m.": ["5", "p.m."], "x)": ["x)"]},
  "sentence_ends": [".", "?"]})json";

class SpacyWordsTest : public testing::Test {
 protected:
  SpacyWordsTest() : path_(fs::path(testing::TempDir()) / "lehr_spacy_words.json") {
    write(kTable);
  }
  ~SpacyWordsTest() override { fs::remove(path_); }
  void write(const std::string& table) { std::ofstream(path_) << table; }
  Words words(const std::string& text) {
    SpacyWords splitter(std::make_shared<const SpacyTable>(path_));
    std::vector<Span> spans;
    for (int again = 0; again < 2; ++again)
      splitter.find(text, spans);  // the second time from memory
    Words out;
    for (const Span span : spans) out.push_back(text.substr(span.begin, span.end - span.begin));
    return out;
  }
  std::string refusal() {
    try {
      SpacyTable table(path_);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  const fs::path path_;
};

TEST_F(SpacyWordsTest, LosePrefixesAndSuffixesOneByOne) {
  EXPECT_EQ(words("([a).] b"), (Words{"(", "[", "a", ")", ".", "]", "b"}));
  EXPECT_EQ(words("...a.. ()"), (Words{"...", "a", ".", ".", "(", ")"}));
  EXPECT_EQ(words("80kg kg"), (Words{"80", "kg", "kg"}));
  EXPECT_EQ(words("é)!!!!!"), (Words{"é", ")", "!!!!!"})) << "longer than suffix_width: a run";
}

TEST_F(SpacyWordsTest, AreCutAtInfixesInTheMiddle) {
  EXPECT_EQ(words("(well-known a-1 b/c/ /d)"),
            (Words{"(", "well", "-", "known", "a-1", "b", "/", "c", "/", "/d", ")"}));
}

TEST_F(SpacyWordsTest, StayWholeAsAddresses) {
  EXPECT_EQ(words("(www.a-b/c) wwx.a-b"), (Words{"(", "www.a-b/c", ")", "wwx.a", "-", "b"}));
}

TEST_F(SpacyWordsTest, KnowSpecialCasesAlsoBetweenAffixes) {
  EXPECT_EQ(words("cannot (cannot)."), (Words{"can", "not", "(", "can", "not", ")", "."}));
  EXPECT_EQ(words("at 5p.m. [p.m.]"), (Words{"at", "5", "p.m.", "[", "p.m.", "]"}));
  EXPECT_EQ(words("(x) (x)) x)"), (Words{"(", "x)", "(", "x)", ")", "x)"}));
}

TEST_F(SpacyWordsTest, PutTogetherWhatTheCuttingTookApart) {
  EXPECT_EQ(words("a/(:)/b"), (Words{"a", "/", "(:)", "/", "b"})) << "cut as ( : ) and mended";
  EXPECT_EQ(words("( : )"), (Words{"(", ":", ")"})) << "the same words with spaces between";
}

TEST_F(SpacyWordsTest, AreWholeCharactersWhereverExpressionsMatch) {
  write(R"({"format": "lehr spacy table 1", "prefix": "b", "suffix": "z", "suffix_width": null,
    "infix": "", "url_match": null, "special_cases": {}, "sentence_ends": []})");
  EXPECT_EQ(words("\u00e9b z\u00e9 \u00e9\u00fc"),
            (Words{"\u00e9", "b", "z", "\u00e9", "\u00e9", "\u00fc"}));
}

TEST_F(SpacyWordsTest, HoldNoWhitespace) {
  EXPECT_EQ(words(" a\n\n b \u00a0\u2003c\t"), (Words{"a", "b", "c"}));
  EXPECT_EQ(words("\n"), Words{});
  EXPECT_EQ(words(""), Words{});
}

TEST_F(SpacyWordsTest, LeaveAVeryLongPieceWhole) {
  const std::string brackets(SpacyWords::kLongestPiece + 1, '(');
  EXPECT_EQ(words("(a " + brackets), (Words{"(", "a", brackets}));
}

TEST_F(SpacyWordsTest, CountSentencesByTerminalsThatAreWords) {
  SpacyWords splitter(std::make_shared<const SpacyTable>(path_));
  EXPECT_EQ(splitter.count_sentences("one two", 9), 1u);
  EXPECT_EQ(splitter.count_sentences("At 5p.m. it ends. (Yes.) No", 9), 3u);
  EXPECT_EQ(splitter.count_sentences("a. b. c. d.", 2), 2u);
}

TEST_F(SpacyWordsTest, RefuseWhatIsNoTable) {
  const auto is_refused = [&](std::string table, const char* why) {
    write(table);
    EXPECT_NE(refusal().find("lehr_spacy_words.json' is no table of spaCy's words: "),
              std::string::npos);
    EXPECT_NE(refusal().find(why), std::string::npos) << refusal();
    EXPECT_NE(refusal().find(". Make one with tools/spacy_table"), std::string::npos);
  };
  const auto with = [](const std::string& part, const std::string& instead) {
    std::string table = kTable;
    return table.replace(table.find(part), part.size(), instead);
  };
  is_refused("{}", "it does not say \"format\": \"lehr spacy table 1\"");
  is_refused("[]", "it does not say");
  is_refused("[", "it is not JSON");
  is_refused(with("[\"can\", ", "["), "special case 'cannot' is not its pieces joined");
  is_refused(with("^w{3}", "^w{3}("), "missing closing parenthesis");
  is_refused(with("\"infix\"", "\"affix\""), "'infix' is missing");
  is_refused(with("[\"can\", \"not\"]", "\"can\""),
             "special case 'cannot' is not its pieces joined");
  is_refused(with("\"cannot\":", "\"\":"), "a special case is empty");
  is_refused(with("[\"can\", ", "[3, "), "3 stands where a text should");
}

}  // namespace
}  // namespace lehr::text
