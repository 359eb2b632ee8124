#include "runtime/plan/device_choice.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace lehr::runtime {
namespace {

using Json = nlohmann::ordered_json;

// A description's `devices`; null: it says nothing of them.
const Json kNothing, kCpu = {"cpu"}, kBoth = {"cpu", "cuda"}, kCuda = {"cuda"};

struct Chosen {
  std::string device;
  std::uint32_t gpus;
  std::vector<Diagnostic> mistakes;
};

class DeviceChoiceTest : public testing::Test {
 protected:
  DeviceChoiceTest() { gpus("GPU-7"); }
  ~DeviceChoiceTest() override { ::unsetenv("CUDA_VISIBLE_DEVICES"); }
  void gpus(const char* visible) { ::setenv("CUDA_VISIBLE_DEVICES", visible, 1); }

  Resources resources(const std::string& device, int line) const {
    Resources out;
    out.device = device;
    if (!device.empty()) out.device_origin = {source_, line, 1};
    return out;
  }
  Chosen choose(const std::string& by_pipeline, const std::string& by_stage, const Json& devices,
                std::uint32_t gpus = 0) const {
    StageConfig config;
    config.base = "base";
    config.origin = {source_, 9, 1};
    config.resources = resources(by_stage, 2);
    const Resources pipeline = resources(by_pipeline, 1);
    PlannedStage stage;
    stage.uses = "p.train";
    stage.gpus = gpus;
    Diagnostics diagnostics;
    Json described = Json::object();
    if (!devices.is_null()) described["devices"] = devices;
    DeviceChoice(pipeline).choose(config, described, stage, diagnostics);
    return {stage.device, stage.gpus, diagnostics.sorted()};
  }
  std::string device(const std::string& by_pipeline, const std::string& by_stage,
                     const Json& devices) const {
    const Chosen chosen = choose(by_pipeline, by_stage, devices);
    return chosen.mistakes.empty() ? chosen.device : "mistake";
  }

  const std::shared_ptr<const Source> source_ = std::make_shared<Source>("x.yaml", "/", "");
};

TEST_F(DeviceChoiceTest, IsTheCpuUntilAskedOtherwise) {
  for (const Json& devices : {kNothing, kCpu, kBoth}) EXPECT_EQ(device("", "", devices), "cpu");
}

TEST_F(DeviceChoiceTest, OfThePipelineIsForStagesThatComputeOnOne) {
  EXPECT_EQ(device("cuda", "", kNothing), "cpu");
  EXPECT_EQ(device("cuda", "", kBoth), "cuda");
  EXPECT_EQ(device("cuda", "cpu", kBoth), "cpu");
  EXPECT_EQ(device("cuda", "cpu", kCpu), "cpu");
}

// Plugins of before there were lists compute where they are told.
TEST_F(DeviceChoiceTest, OfTheStageIsHeededByOneThatListsNone) {
  EXPECT_EQ(device("", "cuda", kNothing), "cuda");
  EXPECT_EQ(device("cpu", "auto", kNothing), "cuda");
  gpus("");
  EXPECT_EQ(device("cuda", "auto", kNothing), "cpu");
}

TEST_F(DeviceChoiceTest, RefusesWhatTheStageCannotAtThePlaceThatWantsIt) {
  const Chosen by_stage = choose("", "cuda", kCpu);
  ASSERT_EQ(by_stage.mistakes.size(), 1u);
  EXPECT_EQ(by_stage.mistakes[0].origin.line, 2);
  EXPECT_NE(by_stage.mistakes[0].message.find("p.train computes on cpu, not on cuda"),
            std::string::npos);
  const Chosen by_pipeline = choose("cuda", "", kCpu);
  ASSERT_EQ(by_pipeline.mistakes.size(), 1u);
  EXPECT_EQ(by_pipeline.mistakes[0].origin.line, 1);
  const Chosen by_default = choose("", "", kCuda);
  ASSERT_EQ(by_default.mistakes.size(), 1u);
  EXPECT_EQ(by_default.mistakes[0].origin.line, 9);
  EXPECT_NE(by_default.mistakes[0].message.find("{device: cuda}"), std::string::npos);
}

TEST_F(DeviceChoiceTest, AutoTakesAGpuWhereThereIsOneAndTheStageCan) {
  EXPECT_EQ(device("auto", "", kBoth), "cuda");
  EXPECT_EQ(device("", "auto", kBoth), "cuda");
  EXPECT_EQ(device("auto", "", kCpu), "cpu");
  EXPECT_EQ(device("auto", "", kNothing), "cpu");
  gpus("");
  EXPECT_EQ(device("auto", "", kBoth), "cpu");
  EXPECT_EQ(device("auto", "", kCuda), "cuda");  // whether there is one, the run says
}

TEST_F(DeviceChoiceTest, NamesThatAreNotKnownHereArePassedOver) {
  EXPECT_EQ(device("auto", "", {"abacus", "cpu"}), "cpu");
  EXPECT_EQ(device("cuda", "", {"abacus", "cpu"}), "mistake");
}

TEST_F(DeviceChoiceTest, OnCudaAStageHasAGpuForItself) {
  EXPECT_EQ(choose("cuda", "", kBoth).gpus, 1u);
  EXPECT_EQ(choose("auto", "", kBoth).gpus, 1u);
  EXPECT_EQ(choose("cuda", "", kBoth, 4).gpus, 4u);
  EXPECT_EQ(choose("cuda", "cpu", kBoth).gpus, 0u);
  EXPECT_EQ(choose("cuda", "", kNothing).gpus, 0u);
}

}  // namespace
}  // namespace lehr::runtime
