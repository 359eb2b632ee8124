#include "runtime/report/comparison.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

class TwoRuns : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("lehr-comparison-" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "runs");
  }
  void TearDown() override { fs::remove_all(folder_); }

  static StageRecord stage(const std::string& id, char key, std::vector<KeyPart> parts = {}) {
    StageRecord out;
    out.id = id;
    out.key = std::string(64, key);
    out.parts = std::move(parts);
    return out;
  }
  fs::path folder_;
};

TEST_F(TwoRuns, StagesOfOneKeyAreTheSame) {
  RunRecord a, b;
  a.stages = {stage("dpo", '1')};
  b.stages = {stage("dpo", '1'), stage("exam", '2')};
  const auto found = compare_runs(a, b, folder_);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found[0].same);
  EXPECT_EQ(found[1].a, nullptr);
}

TEST_F(TwoRuns, WhatOnlyTheFirstHasComesLast) {
  RunRecord a, b;
  a.stages = {stage("ppo", '1'), stage("dpo", '2')};
  b.stages = {stage("dpo", '2')};
  const auto found = compare_runs(a, b, folder_);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].id, "ppo");
  EXPECT_EQ(found[1].b, nullptr);
}

TEST_F(TwoRuns, AChangedParameterHasBothValuesAndPlaces) {
  RunRecord a, b;
  a.stages = {stage("dpo", '1', {{"with.beta", "0.1", "x.yaml:3:4"}, {"with.loss", "1", ""}})};
  b.stages = {stage("dpo", '2', {{"with.beta", "0.2", "--set b"}, {"with.loss", "1", ""}})};
  const auto found = compare_runs(a, b, folder_);
  ASSERT_EQ(found[0].changes.size(), 1u);
  EXPECT_EQ(found[0].changes[0].before, "0.1");
  EXPECT_EQ(found[0].changes[0].where_before, "x.yaml:3:4");
  EXPECT_EQ(found[0].changes[0].after, "0.2");
  EXPECT_EQ(found[0].changes[0].where_after, "--set b");
}

TEST_F(TwoRuns, ResultsOfEitherSideArePaired) {
  RunRecord a, b;
  a.stages = {stage("dpo", '1')};
  b.stages = {stage("dpo", '2')};
  a.stages[0].results = {{"loss", {1, false}}, {"old", {NAN, false}}};
  b.stages[0].results = {{"loss", {1, false}}, {"old", {NAN, false}}, {"new", {3, false}}};
  const auto found = compare_runs(a, b, folder_);
  ASSERT_EQ(found[0].results.size(), 3u);
  EXPECT_FALSE(found[0].results[0].differs()) << found[0].results[0].name;
  EXPECT_EQ(found[0].results[1].name, "new");
  EXPECT_TRUE(found[0].results[1].differs());
  EXPECT_FALSE(found[0].results[2].differs()) << "not a number on both sides";
}

TEST_F(TwoRuns, MetricsAreReadWhereTheStageWasComputed) {
  const fs::path metrics = folder_ / "runs" / "first" / "stages" / "dpo@beta=0.1";
  fs::create_directories(metrics);
  write_file_atomically(metrics / "metrics.jsonl",
                        "{\"step\":2,\"name\":\"loss\",\"value\":0.5}\n"
                        "{\"step\":1,\"name\":\"loss\",\"value\":0.7}\n"
                        "{\"step\":2,\"name\":\"loss\",\"value\":0.4}\n{\"step\":3,\"na");
  RunRecord a, b;
  a.stages = {stage("dpo", '1')};
  b.stages = {stage("dpo", '2')};
  a.stages[0].made_in = "first";
  a.stages[0].made_as = "dpo@beta=0.1";
  const auto found = compare_runs(a, b, folder_);
  ASSERT_EQ(found[0].metrics.size(), 1u);
  ASSERT_EQ(found[0].metrics[0].a.size(), 2u) << "a torn last line is left out";
  EXPECT_EQ(found[0].metrics[0].a[0].step, 1);
  EXPECT_EQ(found[0].metrics[0].a[1].value, 0.4) << "what was told later counts";
  EXPECT_TRUE(found[0].metrics[0].b.empty());
}

}  // namespace
}  // namespace lehr::runtime
