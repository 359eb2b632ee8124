#include "runtime/report/run_record.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "runtime/store/store.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
namespace {

class RunRecordTest : public testing::Test {
 protected:
  RunRecordTest()
      : store_(fs::temp_directory_path() / ("lehr-record-" + std::to_string(::getpid()))) {}
  ~RunRecordTest() override { fs::remove_all(store_); }

  static Json plan() {
    return {{"format", 1},
            {"pipeline", "study"},
            {"file", "study.yaml"},
            {"seed", 7},
            {"stages", {{{"id", "a"}, {"uses", "x.a"}}, {{"id", "b"}, {"uses", "x.b"}}}}};
  }
  const RunEntry& only_run() {
    runs_ = list_runs(store_);
    EXPECT_EQ(runs_.size(), 1u);
    return runs_.front();
  }
  RunRecord read() { return read_run(store_, only_run()); }

  fs::path store_;
  std::vector<RunEntry> runs_;
};

TEST_F(RunRecordTest, TellsHowEachStageEnded) {
  {
    RunLog log(store_, "study");
    log.write_plan(plan().dump());
    log.event({{"event", "stage_finished"},
               {"stage", "a"},
               {"seconds", 2.5},
               {"taken", false},
               {"results", {{"loss", {{"value", 0.5}}}}}});
    log.event({{"event", "stage_failed"}, {"stage", "b"}, {"message", "no"}});
    log.finish({{"status", "failed"}, {"seconds", 3.0}});
  }
  const RunRecord run = read();
  EXPECT_EQ(run.entry.status, "failed");
  EXPECT_EQ(run.seed, 7u);
  EXPECT_EQ(run.find("a")->status, "ran");
  EXPECT_EQ(run.find("a")->results.at("loss").value, 0.5);
  EXPECT_EQ(run.find("b")->message, "no");
  EXPECT_EQ(run.find("c"), nullptr);
}

TEST_F(RunRecordTest, ARunningRunIsReadAsFarAsItIs) {
  RunLog log(store_, "study");
  log.write_plan(plan().dump());
  log.event({{"event", "stage_started"}, {"stage", "a"}});
  log.flush();
  const RunRecord run = read();
  EXPECT_EQ(run.find("a")->status, "running");
  EXPECT_EQ(run.find("b")->status, "waits");
}

// As of a run of millions of steps. What is not on disk, zeros, is no line.
TEST_F(RunRecordTest, MetricsMayBeMoreThanAMemoryShouldHold) {
  const fs::path file = store_ / "runs" / "long" / "stages" / "a" / "metrics.jsonl";
  fs::create_directories(file.parent_path());
  for (const char* value : {"0.5", "0.25"}) {
    for (int gap = 0; gap < 9; ++gap) {
      std::ofstream(file, std::ios::app)
          << "\n{\"step\":3000000000,\"name\":\"loss\",\"value\":" << value << "}\n";
      fs::resize_file(file, fs::file_size(file) + (64 << 20));
    }
  }
  const auto metrics = read_metrics(store_, "long", "a");
  ASSERT_EQ(metrics.at("loss").size(), 1u);
  EXPECT_EQ(metrics.at("loss")[0].step, 3000000000);
  EXPECT_EQ(metrics.at("loss")[0].value, 0.25);
}

TEST_F(RunRecordTest, AKilledRunIsInterrupted) {
  {
    RunLog log(store_, "study");
    log.write_plan(plan().dump());
    log.event({{"event", "stage_started"}, {"stage", "a"}});
  }
  const RunRecord run = read();
  EXPECT_EQ(run.find("a")->status, "interrupted");
  EXPECT_EQ(run.find("b")->status, "not reached");
}

TEST_F(RunRecordTest, WhatIsNotWantedIsSkipped) {
  {
    RunLog log(store_, "study");
    log.write_plan(plan().dump());
    log.event({{"event", "stage_skipped"}, {"stage", "b"}, {"reason", "when: size is 1"}});
  }
  EXPECT_EQ(read().find("b")->status, "skipped");
  EXPECT_EQ(read().find("b")->message, "when: size is 1");
}

TEST_F(RunRecordTest, AFailedGateIsTold) {
  {
    RunLog log(store_, "study");
    log.write_plan(plan().dump());
    log.event({{"event", "stage_cached"}, {"stage", "a"}, {"results", Json::object()}});
    log.event({{"event", "gate"},
               {"stage", "a"},
               {"metric", "acc"},
               {"value", 0.5},
               {"limit", ">= 1"},
               {"passed", false}});
  }
  EXPECT_EQ(read().find("a")->status, "gate failed");
  EXPECT_EQ(read().find("a")->message, "acc is 0.5, required >= 1");
}

TEST_F(RunRecordTest, AGateOnWhatIsNotThereIsToldAsSuch) {
  {
    RunLog log(store_, "study");
    log.write_plan(plan().dump());
    log.event({{"event", "gate"},
               {"stage", "a"},
               {"metric", "acc"},
               {"value", nullptr},
               {"limit", ">= 1"},
               {"passed", false},
               {"message", "require: 'a' has no result 'acc' (x.yaml:1:2)."}});
  }
  EXPECT_EQ(read().find("a")->message, "require: 'a' has no result 'acc' (x.yaml:1:2).");
}

TEST_F(RunRecordTest, WithoutAPlanThereIsNothingToRead) {
  { RunLog log(store_, "study"); }
  EXPECT_THROW(read_run(store_, only_run()), StoreError);
}

TEST(FindRun, ByPlaceNameOrPartOfOne) {
  std::vector<RunEntry> runs(3);
  runs[0].id = "20260103-100000-study-aaaa";
  runs[1].id = "20260102-100000-study-bbbb";
  runs[2].id = "20260101-100000-other-cccc";
  EXPECT_EQ(&find_run(runs, "last"), &runs[0]);
  EXPECT_EQ(&find_run(runs, "last~2"), &runs[2]);
  EXPECT_EQ(&find_run(runs, "bbbb"), &runs[1]);
  EXPECT_EQ(&find_run(runs, runs[2].id), &runs[2]);
  for (const char* wrong : {"study", "last~3", "last~x", "last~", "dddd"})
    EXPECT_THROW(find_run(runs, wrong), NoSuchRun) << wrong;
  EXPECT_THROW(find_run({}, "last"), NoSuchRun);
}

}  // namespace
}  // namespace lehr::runtime
