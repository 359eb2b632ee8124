#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <random>

#include "c4_quality.h"
#include "filter_stage.h"
#include "fineweb_quality.h"
#include "gopher_quality.h"
#include "gopher_repetition.h"
#include "length.h"
#include "text/documents.h"
#include "text/fake_host.h"
#include "verdict_on.h"

namespace lehr::plugins::filter {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using text::FakeHost;

// A step of another plugin: it has a verdict and no numbers.
class NoShouting : public DocumentStep {
 public:
  void describe(Description&) override {}
  void process(Document& document) override {
    if (document.text().find("SHOUT") != std::string_view::npos) document.drop("shouting");
  }
};

json step(const char* name, json with = json::object()) {
  return {{"name", name}, {"with", std::move(with)}};
}
json chain(json repetition, json quality, json c4, json fineweb) {
  return {step("filter.length", {{"min_characters", 20}}),
          step("filter.gopher_repetition", std::move(repetition)),
          step("filter.gopher_quality", std::move(quality)),
          step("filter.c4_quality", std::move(c4)),
          step("filter.fineweb_quality", std::move(fineweb)),
          step("acme.no_shouting")};
}

class ScoredDocuments : public testing::Test {
 protected:
  ScoredDocuments() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("lehr_scores_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "in");
  }
  ~ScoredDocuments() override { fs::remove_all(folder_); }

  // Of lines that repeat, are short, end in dots, hold marks and citations, or are plain prose.
  void write_corpus(int documents) {
    std::mt19937 random(3);
    const auto pick = [&](std::size_t n) { return random() % n; };
    const char* words[] = {"the",
                           "of",
                           "and",
                           "glass",
                           "kiln",
                           "belt",
                           "with",
                           "heat",
                           "cools",
                           "1234",
                           "#",
                           "zone",
                           "incomprehensibly",
                           "a",
                           "é",
                           "that"};
    text::DocumentWriter out(folder_ / "in");
    for (int i = 0; i < documents; ++i) {
      std::string text, line;
      for (std::size_t lines = 1 + pick(14), l = 0; l < lines; ++l) {
        if (line.empty() || pick(6) > 0) {
          line = pick(8) == 0 ? "- " : "";
          for (std::size_t n = 1 + pick(24), w = 0; w < n; ++w)
            line += std::string(words[pick(pick(3) == 0 ? 16 : 8)]) + " ";
          if (pick(9) == 0) line += "[12]";
          line += pick(5) == 0 ? "..." : pick(3) == 0 ? "" : ".";
          if (pick(40) == 0) line += " { lorem";
          if (pick(40) == 0) line += " SHOUT.";
        }
        text += line + (pick(5) == 0 ? "\n\n" : "\n");
      }
      out.write(
          {std::to_string(i), text, i % 2 == 0 ? "{\"n\":1.50,\"big\":18446744073709551616}" : ""});
    }
    out.close();
  }

  std::unique_ptr<FakeHost> run(const std::string& name, const fs::path& input, const json& steps,
                                bool score = false) {
    auto made = std::make_unique<FakeHost>(folder_ / name, input,
                                           json({{"steps", steps}, {"score", score}}), 2);
    FakeHost& host = *made;
    host.add_step("filter.length", detail::step_table<Length>(borrow("length")));
    host.add_step("filter.gopher_repetition",
                  detail::step_table<GopherRepetition>(borrow("gopher_repetition")));
    host.add_step("filter.gopher_quality",
                  detail::step_table<GopherQuality>(borrow("gopher_quality")));
    host.add_step("filter.c4_quality", detail::step_table<C4Quality>(borrow("c4_quality")));
    host.add_step("filter.fineweb_quality",
                  detail::step_table<FinewebQuality>(borrow("fineweb_quality")));
    host.add_step("acme.no_shouting", detail::step_table<NoShouting>(borrow("no_shouting")));
    status_ = host.run(detail::stage_table<Filter>(borrow("filter")));
    return made;
  }
  struct Row {
    std::string text, fields;
    bool operator==(const Row&) const = default;
  };
  static std::map<std::string, Row> rows(const fs::path& folder) {
    std::map<std::string, Row> out;
    text::DocumentReader reader(text::data_files(folder, "train"));
    for (text::Document d; reader.next(d);)
      out[std::string(d.id)] = {std::string(d.text), std::string(d.fields)};
    return out;
  }
  static std::map<std::string, std::string> texts(const fs::path& folder) {
    std::map<std::string, std::string> out;
    for (const auto& [id, row] : rows(folder)) out[id] = row.text;
    return out;
  }
  static std::map<std::string, double> drops(const FakeHost& host) {
    std::map<std::string, double> out;
    for (const auto& [name, value] : host.results)
      if (name.starts_with("dropped/")) out[name] = value;
    return out;
  }

  fs::path folder_;
  lehr_status status_ = LEHR_OK;
};

TEST_F(ScoredDocuments, KeepEveryDocumentAndWhatItHeld) {
  write_corpus(300);
  const auto scored = run("scored", folder_ / "in", chain({}, {}, {}, {}), true);
  ASSERT_EQ(status_, LEHR_OK) << scored->failure;
  EXPECT_EQ(texts(scored->output()), texts(folder_ / "in"));
  EXPECT_EQ(scored->results.at("documents_out"), 300);
  EXPECT_GT(scored->results.at("would_drop/gopher_short_doc"), 0);
  EXPECT_TRUE(drops(*scored).empty());
  const Row row = rows(scored->output()).at("4");
  EXPECT_TRUE(row.fields.starts_with(
      "{\"n\":1.50,\"big\":18446744073709551616,\"filter_scores\":{\"verdict\":"))
      << row.fields;
  const json scores = json::parse(row.fields).at("filter_scores");
  EXPECT_EQ(scores.size(), 7U);
  EXPECT_EQ(scores.at("gopher_repetition").size(), 2U + 4 + 3 + 6);
  EXPECT_EQ(scores.at("acme.no_shouting"), json({{"verdict", "keep"}}));
}

// The same documents, texts and reasons as judging the texts themselves: stricter, laxer, rules
// switched off and on, and other ways to measure, for which the numbers do not count.
TEST_F(ScoredDocuments, LeadToTheSameDecisionsUnderAnyThresholds) {
  write_corpus(2000);
  const auto scored = run("scored", folder_ / "in", chain({}, {}, {}, {}), true);
  ASSERT_EQ(status_, LEHR_OK) << scored->failure;
  const json lax = {{"min_words", 5}, {"max_symbol_ratio", 0.3}, {"min_alphabetic_words", nullptr}};
  const json choices[] = {
      chain({}, {}, {}, {}),
      chain({{"max_top_ngrams", {0.5, 0.4}}, {"max_duplicate_lines", 0.9}}, lax,
            {{"min_sentences", 1}}, {{"max_short_lines", 0}}),
      chain({{"max_repeated_ngrams", {0.01, 0.01}}, {"max_duplicate_paragraphs", 0.01}},
            {{"min_words", 0}, {"min_stop_words", 4}}, {{"terminal_punctuation", false}},
            {{"max_lines_per_word", 0.05}}),
      chain({{"dup_semantics", "dolma"}}, {{"word_splitter", "whitespace"}, {"min_words", 10}}, {},
            {{"short_line", 60}})};
  int number = 0;
  for (const json& steps : choices) {
    const std::string name = std::to_string(number++);
    const auto at_once = run("once" + name, folder_ / "in", steps);
    ASSERT_EQ(status_, LEHR_OK) << at_once->failure;
    const auto later = run("later" + name, scored->output(), steps);
    ASSERT_EQ(status_, LEHR_OK) << later->failure;
    EXPECT_EQ(texts(later->output()), texts(at_once->output())) << steps;
    EXPECT_EQ(drops(*later), drops(*at_once)) << steps;
    EXPECT_GT(drops(*later).size(), 5U) << steps;
    EXPECT_GT(later->results.at("documents_out"), 20) << steps;
  }
}

TEST_F(ScoredDocuments, TakeTheTextsPlaceWhereItIsTheSameMeasuredTheSameWay) {
  std::string members;
  EXPECT_EQ(GopherQuality().score("a few words", members), "gopher_short_doc");
  const auto fields = [&](const std::string& written) {
    return "{\"x\":[],\"filter_scores\":{\"verdict\":\"\",\"gopher_quality\":{\"of\":\"\"},"
           "\"gopher_quality#2\":{" +
           written + "}}}";
  };
  const auto verdict = [](const std::string& text, const std::string& with,
                          const json& parameters = json::object()) {
    return verdict_on<GopherQuality>(text, parameters, with);
  };
  EXPECT_EQ(verdict("a few words", fields(members)), "gopher_short_doc");
  // The numbers are believed: so they were read.
  const auto at = members.find("\"words\":3,");
  ASSERT_NE(at, std::string::npos) << members;
  members.replace(at, 10, "\"words\":300000,");
  EXPECT_EQ(verdict("a few words", fields(members)), "gopher_long_doc");
  EXPECT_EQ(verdict("a few wordy", fields(members)), "gopher_short_doc");
  EXPECT_EQ(verdict("a few words", fields(members), {{"word_splitter", "whitespace"}}),
            "gopher_short_doc");
  EXPECT_EQ(verdict("a few words", fields(members), {{"stop_words", {"the"}}}), "gopher_short_doc");
}

// Known in part, the rest is measured, and without the shortcut that the known part allows.
TEST_F(ScoredDocuments, AreMeasuredWhereSomeAreMissing) {
  std::string text, members;
  for (int i = 0; i < 12; ++i) text += "the belt of glass " + std::to_string(i * i * 7919) + ". ";
  EXPECT_EQ(GopherRepetition().score(text, members), "top_2_gram");
  const std::string known = members.substr(0, members.find(",\"top_3_gram\""));
  EXPECT_NE(known.find("\"top_2_gram\""), std::string::npos);
  const std::string fields = "{\"filter_scores\":{\"gopher_repetition\":{" + known + "}}}";
  EXPECT_EQ(verdict_on<GopherRepetition>(text, {{"max_top_ngrams", {0.9, 0.18}}}, fields),
            "top_3_gram");
  members.clear();
  const text::ValueTree no_rule(
      json({{"max_top_ngrams", json::array()}, {"max_repeated_ngrams", json::array()}}));
  EXPECT_EQ(detail::bind<GopherRepetition>(no_rule.root())->score(text, members), "");
  EXPECT_NE(members.find("\"top_4_gram\":0."), std::string::npos) << members;
}

TEST_F(ScoredDocuments, AreReplacedWhenDocumentsAreScoredAgain) {
  write_corpus(20);
  const auto first = run("first", folder_ / "in", json::array({step("filter.length")}), true);
  const auto again =
      run("again", first->output(),
          {step("filter.gopher_quality"), step("filter.gopher_quality", {{"min_words", 0}})}, true);
  ASSERT_EQ(status_, LEHR_OK) << again->failure;
  const std::string fields = rows(again->output()).at("2").fields;
  EXPECT_EQ(fields.find("filter_scores"), fields.rfind("filter_scores"));
  const json scores = json::parse(fields).at("filter_scores");
  EXPECT_FALSE(scores.contains("length"));
  EXPECT_EQ(scores.at("gopher_quality").at("of"), scores.at("gopher_quality#2").at("of"));
  EXPECT_TRUE(fields.starts_with("{\"n\":1.50,\"big\":18446744073709551616,")) << fields;
}

TEST_F(ScoredDocuments, RefuseAStepThatDependsOnWhatStays) {
  write_corpus(1);
  const auto host = run("one", folder_ / "in", json::array({step("filter.exact_dedup")}), true);
  EXPECT_EQ(status_, LEHR_FAILED);
  EXPECT_NE(host->failure.find("'filter.exact_dedup' decides by which documents stay"),
            std::string::npos);
}

}  // namespace
}  // namespace lehr::plugins::filter
