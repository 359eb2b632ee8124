#include "runtime/plan/differences.h"

#include <gtest/gtest.h>

namespace lehr::runtime {
namespace {

TEST(Differences, NamesWhatChangedAndWhere) {
  const KeyParts before = {
      {"in.text[0]", "a 1"}, {"with.beta", "0.1"}, {"with.gone", "1"}, {"with.same", "2"}};
  const std::vector<KeyPart> after = {{"in.text[0]", "a 2", ""},
                                      {"with.beta", "0.2", "x.yaml:3:4"},
                                      {"with.fresh", "true", ""},
                                      {"with.same", "2", "x.yaml:9:9"}};
  const auto found = differences(before, after, "in.");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(text(found[0]), "with.beta: 0.1 -> 0.2 (x.yaml:3:4)");
  EXPECT_EQ(text(found[1]), "with.fresh: (none) -> true");
  EXPECT_EQ(text(found[2]), "with.gone: 1 -> (none)");
  EXPECT_EQ(differences(before, after).size(), 4u);
}

TEST(Differences, ShortensDigests) {
  const Difference d{"code.acme", std::string(64, 'a'), std::string(64, 'b'), ""};
  EXPECT_EQ(text(d), "code.acme: aaaaaaaaaa... -> bbbbbbbbbb...");
}

TEST(Differences, ShowsOfLongValuesWhatIsAroundTheirFirstDifference) {
  const std::string same(200, 'x');
  EXPECT_EQ(text({"with.args[1]", same + "value 20", same + "value 30", "x.yaml:3:4"}),
            "with.args[1]: …" + std::string(14, 'x') + "value 20 -> …" + std::string(14, 'x') +
                "value 30 (x.yaml:3:4)");
  EXPECT_EQ(text({"with.text", "short", same, ""}),
            "with.text: short -> " + std::string(59, 'x') + "…");
  // Characters stay whole: "ä" is two bytes.
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ä";
  const auto [before, after] = around_difference(umlauts + "1", umlauts + "2", 21);
  EXPECT_EQ(before, "…ääää1");
  EXPECT_EQ(after, "…ääää2");
}

TEST(Differences, ComparesWithTheNearestResultOfTheSameStage) {
  PlannedStage stage;
  stage.id = "dpo@beta=0.2";
  stage.uses = "dpo.dpo";
  const auto result = [](const std::string& id, const std::string& beta, const std::string& rate,
                         int time) {
    StageResult r;
    r.stage = "dpo.dpo";
    r.stage_id = id;
    r.key_parts = {{"with.beta", beta}, {"with.rate", rate}};
    r.unix_time = time;
    return r;
  };
  const std::vector<StageResult> results = {
      result("dpo@beta=0.1", "0.1", "1", 5), result("dpo@beta=0.3", "0.3", "1", 9),
      result("dpo", "0.4", "2", 99), result("other", "0.2", "1", 99)};
  const StageResult* found =
      closest_result(stage, {{"with.beta", "0.2", ""}, {"with.rate", "1", ""}}, results);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->stage_id, "dpo@beta=0.3");  // one part differs, and it is the newest of those

  std::vector<StageResult> more = results;  // its own result comes first, however different
  more.push_back(result("dpo@beta=0.2", "0.9", "9", 1));
  found = closest_result(stage, {{"with.beta", "0.2", ""}, {"with.rate", "1", ""}}, more);
  EXPECT_EQ(found->stage_id, "dpo@beta=0.2");
}

TEST(Differences, ComparesWithWhatAnotherPluginMadeOfTheSameNameIfThereIsNothingNearer) {
  PlannedStage stage;
  stage.id = "align";
  stage.uses = "dpo.dpo";
  StageResult other;
  other.stage = "ppo.ppo";
  other.stage_id = "align";
  other.key_parts = {{"uses", "ppo.ppo"}};
  const std::vector<KeyPart> parts = {{"uses", "dpo.dpo", "x.yaml:3:4"}};
  std::vector<StageResult> results = {other};
  EXPECT_EQ(closest_result(stage, parts, results), &results[0]);
  StageResult own = other;
  own.stage = "dpo.dpo";
  own.stage_id = "align@beta=0.1";
  results.push_back(own);
  EXPECT_EQ(closest_result(stage, parts, results), &results[1]);
  results.pop_back();
  stage.id = "aligned";
  EXPECT_EQ(closest_result(stage, parts, results), nullptr);
}

TEST(Differences, OfThousandsOfResultsComparesTheNewest) {
  PlannedStage stage;
  stage.id = "dpo@beta=new";
  stage.uses = "dpo.dpo";
  std::vector<StageResult> results(3000);
  for (std::size_t i = 0; i < results.size(); ++i) {
    StageResult& result = results[i];
    result.stage = "dpo.dpo";
    result.stage_id = "dpo@beta=" + std::to_string(i);
    result.key_parts = {{"with.beta", i == 0 ? "new" : std::to_string(i)}};
    result.unix_time = static_cast<std::int64_t>(i);
  }
  EXPECT_EQ(closest_result(stage, {{"with.beta", "new", ""}}, results), &results.back());
}

}  // namespace
}  // namespace lehr::runtime
