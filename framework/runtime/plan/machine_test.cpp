#include "runtime/plan/machine.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "runtime/plan/planner.h"

namespace lehr::runtime {
namespace {
namespace fs = std::filesystem;

using Names = std::vector<std::string>;

TEST(VisibleGpus, AreThoseOfTheMachineWhereNothingIsSaid) {
  EXPECT_EQ(visible_gpus(nullptr, 2), (Names{"0", "1"}));
  EXPECT_EQ(visible_gpus(nullptr, 0), Names{});
  EXPECT_EQ(visible_gpus("", 2), Names{});
}

TEST(VisibleGpus, EndAtTheFirstEntryThatIsNone) {
  EXPECT_EQ(visible_gpus("-1", 4), Names{});
  EXPECT_EQ(visible_gpus("1,-1,2", 4), Names{"1"});
  EXPECT_EQ(visible_gpus("0, 3,4,1", 4), (Names{"0", "3"}));
  EXPECT_EQ(visible_gpus("none", 4), Names{});
  EXPECT_EQ(visible_gpus("0,,1", 4), Names{"0"});
  EXPECT_EQ(visible_gpus("0,GPU-3f2a", 4), Names{"0"});
  EXPECT_EQ(visible_gpus("GPU-3f2a,GPU-77,0", 4), (Names{"GPU-3f2a", "GPU-77"}));
  EXPECT_EQ(visible_gpus("MIG-7", 1), Names{"MIG-7"});
}

TEST(VisibleGpus, AreNoneWhereOneIsListedTwice) { EXPECT_EQ(visible_gpus("0,1,0", 4), Names{}); }

TEST(VisibleGpus, MayBeAnyWhereTheDriverHasNoDeviceFiles) {
  EXPECT_EQ(visible_gpus("0,7", 0), (Names{"0", "7"}));
}

class GpuModel : public testing::Test {
 protected:
  GpuModel() {
    std::string name = (fs::temp_directory_path() / "lehr-gpus-XXXXXX").string();
    driver_ = ::mkdtemp(name.data());
    add("0000:01:00.0", "NVIDIA H100 80GB HBM3", "GPU-aa11");
  }
  ~GpuModel() override { fs::remove_all(driver_); }
  // As the driver writes it.
  void add(const std::string& bus, const std::string& model, const std::string& identity) {
    fs::create_directories(driver_ / bus);
    std::ofstream(driver_ / bus / "information")
        << "Model: \t\t " << model << "\nIRQ:   \t\t 30\nGPU UUID: \t " << identity
        << "\nVideo BIOS: \t 96.00.5e.00.01\nDevice Minor: \t 0\n";
  }
  fs::path driver_;
};

TEST_F(GpuModel, IsWhatTheDriverSays) {
  EXPECT_EQ(gpu_model({"0"}, driver_), "NVIDIA H100 80GB HBM3");
  add("0000:02:00.0", "NVIDIA H100 80GB HBM3", "GPU-bb22");
  EXPECT_EQ(gpu_model({"0", "1"}, driver_), "NVIDIA H100 80GB HBM3");
}

TEST_F(GpuModel, NamesAllThatItMayBe) {
  add("0000:02:00.0", "NVIDIA A100-SXM4-40GB", "GPU-bb22");
  EXPECT_EQ(gpu_model({"0"}, driver_), "NVIDIA A100-SXM4-40GB + NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpu_model({"GPU-aa"}, driver_), "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpu_model({"GPU-bb22"}, driver_), "NVIDIA A100-SXM4-40GB");
}

TEST_F(GpuModel, IsUnknownWhereNothingTells) {
  EXPECT_EQ(gpu_model({}, driver_), "unknown GPU");
  EXPECT_EQ(gpu_model({"0"}, driver_ / "none"), "unknown GPU");
}

// The part of the key that says where a stage of determinism `machine` has its bytes from.
TEST(MachinePart, NamesTheGpuOnlyWhereTheStageRunsOnOne) {
  PluginFile plugin;
  plugin.name = "p";
  plugin.path = LEHR_TEST_LIBRARY;
  Plan plan;
  for (const char* device : {"cpu", "cuda"}) {
    PlannedStage stage;
    stage.id = device;
    stage.uses = "p.stage";
    stage.plugin = &plugin;
    stage.determinism = "machine";
    stage.device = device;
    plan.stages.push_back(stage);
  }
  look_up(plan, nullptr);
  const auto machine = [&](std::size_t index) -> std::string {
    for (const KeyPart& part : plan.stages[index].static_parts)
      if (part.name == "machine") return part.value;
    return "";
  };
  EXPECT_EQ(machine(0), instruction_set_tier());
  EXPECT_EQ(machine(1), instruction_set_tier() + ", " + gpu_model());
}

}  // namespace
}  // namespace lehr::runtime
