#include "runtime/run/stage_supplies.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "runtime/store/run_log.h"
#include "runtime/store/spare_work.h"

namespace lehr::runtime {
namespace {
namespace fs = std::filesystem;

class StageSuppliesTest : public testing::Test {
 protected:
  StageSuppliesTest() {
    std::string name = (fs::temp_directory_path() / "lehr-supplies-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~StageSuppliesTest() override { fs::remove_all(folder_); }

  // A host that does what the shell script says; its events go to descriptor 3.
  fs::path host(const std::string& script) {
    std::ofstream(folder_ / "host") << "#!/bin/sh\n" << script << "\n";
    ::chmod((folder_ / "host").c_str(), 0755);
    return folder_ / "host";
  }
  static void wait_for_end(const StageProcess& process) {
    pollfd exit = {process.exit_fd(), POLLIN, 0};
    ::poll(&exit, 1, -1);
  }

  fs::path folder_;
};

TEST_F(StageSuppliesTest, TheHostThatWaitedHearsWhatItIsGiven) {
  StageSupplies supplies(host("cat >&3"), folder_, "run");
  supplies.keep_host_ready();
  const auto process = supplies.take_host();
  process->give("{\"event\": \"hello\"}\n");
  wait_for_end(*process);
  EXPECT_EQ(process->collect().code, 0);
  std::string heard;
  process->read([&](const auto& event) { heard = event["event"]; }, [](const auto&) {});
  EXPECT_EQ(heard, "hello");
}

TEST_F(StageSuppliesTest, AHostThatDiedWhileItWaitedIsReplaced) {
  StageSupplies supplies(host("exit 1"), folder_, "run");
  supplies.keep_host_ready();
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT), 0);
  const auto process = supplies.take_host();
  EXPECT_NE(process->pid(), ended.si_pid);
  wait_for_end(*process);
  process->give("it is gone");  // and that is no signal
  EXPECT_EQ(process->collect().code, 1);
}

TEST_F(StageSuppliesTest, AHostThatCannotBeStartedIsToldWhenItIsNeeded) {
  StageSupplies supplies(folder_ / "none", folder_, "run");
  supplies.keep_host_ready();
  EXPECT_THROW(supplies.take_host(), IoError);
}

TEST_F(StageSuppliesTest, FoldersThatComeBackAreGivenOutAgainAndRemovedAtTheEnd) {
  fs::path first;
  {
    StageSupplies supplies(folder_ / "none", folder_, "run");
    first = supplies.take_folder();
    const fs::path second = supplies.take_folder();
    EXPECT_NE(first, second);
    fs::create_directories(first / "out");
    supplies.give_back(first);
    EXPECT_EQ(supplies.take_folder(), first);
    supplies.give_back(first);
    supplies.give_back(second);  // which was never made
  }
  EXPECT_FALSE(fs::exists(first));
}

TEST_F(StageSuppliesTest, WhatAKilledRunLeftIsTakenOverAndWhatALivingOneKeepsIsNot) {
  const RunLog living(folder_, "p");
  const fs::path kept = folder_ / "work" / spare_name(living.id(), 0);
  fs::create_directories(kept);
  fs::create_directories(folder_ / "work" / spare_name("20260101-000000-p-0000", 7) / "out");
  fs::create_directories(folder_ / "work" / "verify-1-2");
  {
    StageSupplies supplies(folder_ / "none", folder_, "run");
    const fs::path taken = supplies.take_folder();
    EXPECT_TRUE(fs::exists(taken / "out")) << "it is that of the killed run";
    EXPECT_FALSE(fs::exists(supplies.take_folder()));
    supplies.give_back(taken);
  }
  EXPECT_TRUE(fs::exists(kept));
  EXPECT_TRUE(fs::exists(folder_ / "work" / "verify-1-2"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "work"), {}), 2);
}

}  // namespace
}  // namespace lehr::runtime
