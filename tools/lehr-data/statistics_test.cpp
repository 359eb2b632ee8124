#include "statistics.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <lehr/value.h>

namespace lehr::data {
namespace {

namespace fs = std::filesystem;

class StatisticsOf : public testing::Test {
 protected:
  StatisticsOf() { fs::create_directories(folder_); }
  ~StatisticsOf() override { fs::remove_all(folder_); }

  static std::string answer(const char* text) {
    return R"([{"role":"assistant","content":")" + std::string(text) + R"("}])";
  }
  static std::string preference(const char* chosen, const char* rejected, const char* more = "") {
    return R"({"prompt":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi."}],)"
           R"("chosen":)" +
           answer(chosen) + R"(,"rejected":)" + answer(rejected) + more + "}\n";
  }
  Statistics of(const char* type) const {
    Request request;
    request.folder = folder_;
    request.type = type;
    return collect_statistics(request);
  }
  static std::string fact(const Statistics& statistics, const std::string& name) {
    for (const auto& [known, value] : statistics.facts)
      if (known == name) return value;
    return "";
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "lehr_statistics";
};

TEST_F(StatisticsOf, PreferencesTellWhichAnswerIsLongerAndHowLongTheyAre) {
  std::ofstream(folder_ / "train-00000.jsonl")
      << preference("longer", "short", R"(,"margin":1,"source":"a")")
      << preference("éééé", "four!", R"(,"margin":2,"source":"a")")  // 4 characters, 8 bytes
      << preference("alike", "ALIKE", R"(,"source":"b")") << preference("same", "same");
  std::ofstream(folder_ / "eval-00000.jsonl") << preference("longest", "", R"(,"source":"a")");
  const Statistics statistics = of("preferences");
  EXPECT_EQ(fact(statistics, "preferences"), "5");
  EXPECT_EQ(fact(statistics, "chosen is longer"), "40 %");
  EXPECT_EQ(fact(statistics, "have the same answer twice"), "1");
  EXPECT_EQ(fact(statistics, "mean margin"), "1.5");
  ASSERT_EQ(statistics.lengths.size(), 4u);
  EXPECT_EQ(statistics.lengths[0].source, "all");
  EXPECT_EQ(statistics.lengths[0].chosen_longer, 2u);
  EXPECT_EQ(statistics.lengths[0].rejected_longer, 1u);
  EXPECT_EQ(statistics.lengths[0].alike, 2u);
  EXPECT_EQ(statistics.lengths[1].source, "a");
  EXPECT_EQ(statistics.lengths[1].preferences(), 3u);
  ASSERT_EQ(statistics.panels.size(), 3u);
  for (const Panel& panel : statistics.panels) {
    ASSERT_EQ(panel.splits.size(), 2u);
    EXPECT_EQ(panel.splits[0].second.count(), 4u);
  }
  EXPECT_EQ(statistics.panels[0].splits[0].second.mean(), 12);  // both messages
  EXPECT_EQ(statistics.panels[1].splits[0].second.sum(), 6u + 4 + 5 + 4);
  EXPECT_EQ(statistics.panels[2].splits[1].second.sum(), 0u);
  ASSERT_EQ(statistics.examples.size(), 4u);
  EXPECT_EQ(statistics.examples[0].id, "train-00000.jsonl:1");
  EXPECT_EQ(statistics.examples[0].text,
            "── prompt\nsystem: Be brief.\nuser: Hi.\n── chosen\nassistant: longer\n"
            "── rejected\nassistant: short\n");
}

TEST_F(StatisticsOf, PreferencesWithoutSourcesOrMarginsSayNothingOfThem) {
  std::ofstream(folder_ / "train-00000.jsonl") << preference("a", "b");
  const Statistics statistics = of("preferences");
  EXPECT_EQ(fact(statistics, "mean margin"), "");
  EXPECT_EQ(fact(statistics, "have the same answer twice"), "");
  EXPECT_EQ(statistics.lengths.size(), 1u);
}

TEST_F(StatisticsOf, OtherTypesAreAnErrorThatNamesThoseThereAre) {
  try {
    of("model");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "there is no report about an artifact of type 'model'; documents, tokens, "
                 "conversations and preferences have one");
  }
}

}  // namespace
}  // namespace lehr::data
