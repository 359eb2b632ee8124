#include "runtime/run/stage_progress.h"

#include <gtest/gtest.h>

#include "runtime/run/awake_clock.h"
#include "runtime/run/human_text.h"

namespace lehr::runtime {
namespace {

nlohmann::ordered_json progress(double done, double total, const char* note = "") {
  return {
      {"event", "progress"}, {"done", done}, {"total", total}, {"unit", "tokens"}, {"note", note}};
}

TEST(StageProgress, ShowsRateAndTimeLeft) {
  StageProgress stage(0);
  stage.event({{"event", "phase"}, {"name", "running"}}, 0);
  stage.event(progress(0, 6e6), 0);
  stage.event(progress(1e6, 6e6, "loss 3.21"), 10);
  EXPECT_EQ(stage.text(10), "1M/6M tokens 16%, 100k/s, ETA 50s, loss 3.21");
  EXPECT_EQ(stage.text(20), "1M/6M tokens 16%, 100k/s, ETA 40s, loss 3.21");
}

TEST(StageProgress, CountsSpeedFromWhereItResumed) {
  StageProgress stage(0);
  stage.event({{"event", "phase"}, {"name", "running"}}, 0);
  stage.event(progress(5e6, 6e6), 1);
  EXPECT_EQ(stage.text(1), "5M/6M tokens 83%") << "what was done before says nothing about speed";
  stage.event(progress(5.5e6, 6e6), 6);
  EXPECT_EQ(stage.text(6), "5.5M/6M tokens 91%, 100k/s, ETA 5.0s");
}

TEST(StageProgress, WithoutATotalShowsNoShare) {
  StageProgress stage(0);
  stage.event({{"event", "phase"}, {"name", "running"}}, 0);
  stage.event(progress(1234, 0), 1);
  EXPECT_LT(stage.fraction(), 0);
  EXPECT_EQ(stage.text(1), "1.23k tokens");
}

TEST(StageProgress, DoesNotCountTimeInWhichTheProcessWasStopped) {
  AwakeClock clock;
  StageProgress stage(clock.seconds(100));
  stage.event({{"event", "phase"}, {"name", "running"}}, clock.seconds(100));
  stage.event(progress(0, 6e6), clock.seconds(100));
  for (double steady = 100; steady < 110; steady += 0.5) clock.seconds(steady);
  stage.event(progress(1e6, 6e6), clock.seconds(110));
  EXPECT_EQ(stage.text(clock.seconds(4000)), "1M/6M tokens 16%, 100k/s, ETA 50s");
  stage.event(progress(1.1e6, 6e6), clock.seconds(4001));
  EXPECT_EQ(stage.text(clock.seconds(4001)), "1.1M/6M tokens 18%, 100k/s, ETA 49s");
}

TEST(HumanText, ReadsNaturally) {
  EXPECT_EQ(count_text(950), "950");
  EXPECT_EQ(count_text(52345), "52.3k");
  EXPECT_EQ(count_text(1.5e9), "1.5B");
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(0.0033), "3.3ms");
  EXPECT_EQ(duration_text(0.00996), "10ms");
  EXPECT_EQ(duration_text(0.04), "40ms");
  EXPECT_EQ(duration_text(0.44), "440ms");
  EXPECT_EQ(duration_text(0.9996), "1.0s");
  EXPECT_EQ(duration_text(133), "2m13s");
  EXPECT_EQ(duration_text(3840), "1h04m");
  EXPECT_EQ(bytes_text(812), "812 B");
  EXPECT_EQ(bytes_text(4096), "4.0 KiB");
  EXPECT_EQ(number_text(3), "3");
  EXPECT_EQ(number_text(0.70312), "0.7031");
}

}  // namespace
}  // namespace lehr::runtime
