#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "c4_bad_words.h"
#include "decontaminate.h"
#include "language.h"
#include "pii.h"
#include "regex.h"
#include "sample.h"
#include "text/held_out.h"
#include "url.h"
#include "verdict_on.h"

namespace lehr::plugins::filter {
namespace {

TEST(Pii, ReplacesAddressesInTurn) {
  EXPECT_EQ(
      verdict_on<Pii>("write to a.b+c@x.org, (d@sub.y-z.net) or e@[1.2.3.4]."),
      "-> write to email@example.com, (firstname.lastname@example.org) or email@example.com.");
  EXPECT_EQ(verdict_on<Pii>("from 8.8.8.8 and 10.0.0.1 to 9.9.9.9"),
            "-> from 22.214.171.124 and 10.0.0.1 to 126.96.36.199");
  EXPECT_EQ(verdict_on<Pii>("no a@b, no 1.2.3, no 300.1.1, nor 01.2.3.4"), "");
  EXPECT_EQ(verdict_on<Pii>("10.0.0.1", {{"only_public_ips", false}, {"ip_replacements", {""}}}),
            "-> ");
}

TEST(Pii, ReplacesPhoneNumbersIfAsked) {
  const nlohmann::json phones = {{"phones", true}, {"phone_replacements", {"#"}}};
  const std::string text =
      "call +49 (30) 123 45-67, (212) 555-0199 or 212.555.0199; not 12345678, 2024-10-11, "
      "x+4912345678";
  EXPECT_EQ(verdict_on<Pii>(text), "");
  EXPECT_EQ(verdict_on<Pii>(text, phones),
            "-> call #, # or #; not 12345678, 2024-10-11, x+4912345678");
}

TEST(Regex, DropsWhatItsPatternFindsAndWhatTakesTooLong) {
  EXPECT_EQ(verdict_on<Regex>("naïve Ünicode", {{"pattern", "\\bü"}, {"reason", "umlaut"}}), "");
  EXPECT_EQ(verdict_on<Regex>("naïve Ünicode", {{"pattern", "(?i)\\bü"}, {"reason", "umlaut"}}),
            "umlaut");
  EXPECT_EQ(verdict_on<Regex>(std::string(40, 'a'),
                              {{"pattern", "(a|a)*(a|a)*[bc]"}, {"match_limit", 10000}}),
            "regex_limit");
  EXPECT_THROW(verdict_on<Regex>("", {{"pattern", "(open"}}), Error);
}

// The stack that compiled patterns have by default, 32 KiB, is used up by the third of these.
TEST(Regex, KeepsLongDocumentsThatItSearchesToTheEnd) {
  for (const int words : {10, 1000, 7200, 100000}) {
    std::string text;
    for (int i = 0; i < words; ++i) text += "word ";
    const nlohmann::json ends_in_digit = {{"pattern", "^(\\w+ |x)*\\d"},
                                          {"match_limit", 4000000000}};
    EXPECT_EQ(verdict_on<Regex>(text, ends_in_digit), "") << words;
    EXPECT_EQ(verdict_on<Regex>(text + "1", ends_in_digit), "regex") << words;
  }
}

TEST(Sample, ChoosesByTextAndSeed) {
  int kept = 0, kept_by_both = 0;
  for (int i = 0; i < 1000; ++i) {
    const bool one = verdict_on<Sample>(std::to_string(i), {{"rate", 0.3}}).empty();
    kept += one;
    kept_by_both +=
        one && verdict_on<Sample>(std::to_string(i), {{"rate", 0.3}, {"seed", 1}}).empty();
  }
  EXPECT_NEAR(kept, 300, 60);  // four standard deviations
  EXPECT_NEAR(kept_by_both, 90, 40);
  EXPECT_EQ(verdict_on<Sample>("x", {{"rate", 0}}), "not_sampled");
  EXPECT_EQ(verdict_on<Sample>("x", {{"rate", 1}}), "");
}

TEST(Sample, ChoosesAmongThoseHeldOutAsAmongTheRest) {
  int held_out = 0, kept = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::string text = std::to_string(i);
    if (!text::is_held_out(text, 0.1)) continue;
    ++held_out;
    kept += verdict_on<Sample>(text, {{"rate", 0.3}}).empty();
  }
  EXPECT_NEAR(kept, 0.3 * held_out, 60);  // four standard deviations
}

// A file of a test, gone with it.
class ListFile {
 public:
  explicit ListFile(const std::string& content) {
    path_ = testing::TempDir() + "lehr_list_" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + ".txt";
    std::ofstream(path_) << content;
  }
  ~ListFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(C4BadWords, FindsWholeWordsOfItsListInAnyCase) {
  const ListFile list("foo\nbar baz\n\né!\n");
  const auto reason = [&](const std::string& text, bool whole = true) {
    return verdict_on<C4BadWords>(text, {{"words", list.path()}, {"whole_words", whole}});
  };
  for (const char* text : {"Foo", "a foo.", "-FOO-", "bar BAZ", "x É!"})
    EXPECT_EQ(reason(text), "document_removed_with_badwords") << text;
  for (const char* text : {"", "food", "_foo", "bar  baz", "xé!", "barbaz"})
    EXPECT_EQ(reason(text), "") << text;
  EXPECT_EQ(reason("seafood", false), "document_removed_with_badwords");
  EXPECT_THROW(verdict_on<C4BadWords>("", {{"words", "/no/such/list"}}), Error);
}

TEST(Url, NamesTheFirstListThatHoldsSomethingOfTheAddress) {
  const ListFile domains("# none of these\nexample.co.uk\nwww.example.com\n");
  const auto reason = [&](const std::string& fields, const char* without = "keep") {
    return verdict_on<Url>("text", {{"domains", domains.path()}, {"without_url", without}}, fields);
  };
  EXPECT_EQ(reason(R"({"url":"https://a.b.example.co.uk/x"})"), "domain");
  EXPECT_EQ(reason(R"({"url":"www.example.com:80"})"), "subdomain");
  EXPECT_EQ(reason(R"({"url":"http://b.www.example.com/"})"), "");
  EXPECT_EQ(reason(R"({"n":1})"), "");
  EXPECT_EQ(reason("", "drop"), "no_url");
}

TEST(Url, WantsSomethingToLookFor) {
  const auto bound = [](const nlohmann::json& parameters) {
    return verdict_on<Url>("text", parameters);
  };
  EXPECT_THROW(bound(nlohmann::json::object()), Error);
  EXPECT_EQ(bound({{"without_url", "drop"}}), "no_url");
}

TEST(Url, LooksForWordsInTheAddress) {
  const ListFile words("bad-word\nSpam");
  const auto reason = [&](const char* list, const std::string& url) {
    return verdict_on<Url>("text", {{list, words.path()}}, R"({"url":")" + url + R"("})");
  };
  EXPECT_EQ(reason("banned_words", "x.org/badword"), "hard_blacklisted");
  EXPECT_EQ(reason("banned_words", "x.org/badwords/bad/word"), "");
  EXPECT_EQ(reason("soft_banned_words", "x.org/spam"), "");
  EXPECT_EQ(reason("soft_banned_words", "spam.org/badword"), "soft_blacklisted");
  EXPECT_EQ(reason("banned_subwords", "x.org/a-BAD.word5"), "blacklisted_subword");
}

TEST(Decontaminate, FindsRunsOfWordsThatASetHasToo) {
  const ListFile set(R"({"query":"Which kiln carries the glass?","text":"the lehr, of course"})"
                     "\na plain line of seven words here\n");
  const auto reason = [&](const std::string& text, std::int64_t words, bool query_runs = false) {
    return verdict_on<Decontaminate>(
        text, {{"sets", {set.path()}}, {"words", words}, {"query_runs", query_runs}});
  };
  EXPECT_EQ(reason("It is THE LEHR of course.", 4), "contaminated");
  EXPECT_EQ(reason("It is the lehr.", 4), "");
  EXPECT_EQ(reason("carries the glass the lehr", 5), "contaminated");
  EXPECT_EQ(reason("which kiln carries the glass", 5), "");
  EXPECT_EQ(reason("which kiln carries the glass", 5, true), "contaminated");
  EXPECT_EQ(reason("a plain line; of seven words!", 6), "contaminated");
}

TEST(Decontaminate, SaysWhichLineHasNothingToCompare) {
  const auto failure = [](const std::string& content) -> std::string {
    const ListFile set(content);
    try {
      verdict_on<Decontaminate>("text", {{"sets", {set.path()}}});
    } catch (const Error& e) {
      return std::string(e.what()).substr(set.path().size());
    }
    return "";
  };
  const std::string mark = "\xef\xbb\xbf";
  EXPECT_EQ(failure(mark + "{\"text\":\"x\"}\n\n \r\n{\"question\":\"x\"}\n")
                .find(":4: has neither a text 'text'"),
            0u);
  EXPECT_EQ(failure(mark + "{\"question\":\"x\"}\n").find(":1: has neither a text 'text'"), 0u);
  EXPECT_EQ(failure("\n\n{\"text\":\n"), ":3: malformed JSON");
  EXPECT_EQ(failure("\n\nplain text\n"),
            ": no row of this set is looked for, as none has a run of 12 words. Lower 'words', or "
            "set query_runs to look for questions too");
  EXPECT_EQ(failure("a b c d e f g h i j k l m\nplain text\n"), "");
}

TEST(Language, RefusesWhatIsNoModel) {
  for (const char* content : {"", "no model", "\xba\x16\x4f\x2f\x0c\0\0\0cut"}) {
    const ListFile file(content);
    EXPECT_THROW(step_with<Language>({{"model", file.path()}}), Error);
  }
}

TEST(StepsWithFiles, RefuseBadOnesBeforeTheFirstDocument) {
  {
    const ListFile no_text("\xff\n");
    EXPECT_THROW(step_with<Url>({{"domains", no_text.path()}}), Error);
    EXPECT_THROW(step_with<C4BadWords>({{"words", no_text.path()}}), Error);
  }
  const ListFile no_rows("{\"other\": 1}\n");
  EXPECT_THROW(step_with<Decontaminate>({{"sets", {no_rows.path()}}}), Error);
}

}  // namespace
}  // namespace lehr::plugins::filter
