#include <gtest/gtest.h>
#include <lehr/value.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "child_process.h"
#include "command_stage.h"

namespace lehr::plugins::command {
namespace {

using Lines = std::vector<std::string>;

struct Done {
  Lines lines;
  std::string failure;
};

const std::vector<std::string> kEnvironment = {"PATH=/usr/bin:/bin", "WORD=hello"};

// All that a shell script prints, and how it ends.
Done run(const std::string& script) {
  ChildProcess child({"sh", "-c", script}, kEnvironment, "/");
  Done out;
  while (child.wait(100, [&](std::string_view line) { out.lines.emplace_back(line); })) {
  }
  out.failure = child.failure();
  return out;
}

TEST(ChildProcess, ThatPrintsWithoutEndLetsOneLook) {
  ChildProcess child({"sh", "-c", "yes"}, kEnvironment, "/");
  std::size_t lines = 0;
  EXPECT_TRUE(child.wait(10000, [&](std::string_view) { ++lines; }));
  EXPECT_GT(lines, 0u);
}

// Neither there nor a corpse that only waits to be collected. Waits up to ten seconds for it.
bool is_gone(const std::string& pid) {
  for (int i = 0; i < 1000; ++i) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string id, name, state;
    if (!(file >> id >> name >> state) || state == "Z" || state == "X") return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(ChildProcess, GetsTheEnvironmentAndFolderItWasGivenAndNothingElse) {
  EXPECT_EQ(run("echo $WORD; pwd; echo ${HOME-none}; cat").lines, (Lines{"hello", "/", "none"}));
}

TEST(ChildProcess, TellsHowItEnded) {
  EXPECT_EQ(run("exit 0").failure, "");
  EXPECT_EQ(run("exit 3").failure, "ended with exit code 3");
  EXPECT_EQ(run("kill -9 $$").failure, "died by signal 9 (Killed)");
}

TEST(ChildProcess, IsReadToItsEnd) {
  EXPECT_EQ(run("printf 'one\\n\\nlast'").lines, (Lines{"one", "", "last"}));
  EXPECT_EQ(run("i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done").lines.size(), 3000u);
}

TEST(ChildProcess, MayCloseItsOutputBeforeItEnds) {
  EXPECT_EQ(run("echo first; exec >&-; exit 4").failure, "ended with exit code 4");
}

TEST(ChildProcess, SaysWhyItCannotStart) {
  try {
    ChildProcess child({"no-such-program"}, kEnvironment, "/");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()),
              "cannot start 'no-such-program': it is in no folder of PATH. Correct 'program', or "
              "give its absolute path");
  }
}

TEST(ChildProcess, TellsAProgramFromAWholeCommandLine) {
  try {
    ChildProcess child({"no-such-program --fast"}, kEnvironment, "/");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()),
              "cannot start 'no-such-program --fast': it is in no folder of PATH; 'program' is its "
              "name alone, what follows belongs into 'args'");
  }
}

TEST(ChildProcess, LeavesNobodyBehindWhenItEnds) {
  const Done done = run("sleep 1000 & echo $!");
  ASSERT_EQ(done.lines.size(), 1u);
  EXPECT_EQ(done.failure, "");
  EXPECT_TRUE(is_gone(done.lines[0]));
}

TEST(ChildProcess, PassesTheWishToStopToTheWholeGroup) {
  ChildProcess child({"sh", "-c",
                      "trap 'wait; echo outer; exit 5' TERM; "
                      "(trap 'echo inner; exit' TERM; echo ready; while :; do sleep 0.01; done) & "
                      "wait"},
                     kEnvironment, "/");
  Lines lines;
  while (child.wait(100, [&](std::string_view line) {
    lines.emplace_back(line);
    if (line == "ready") child.terminate();
  })) {
  }
  EXPECT_EQ(lines, (Lines{"ready", "inner", "outer"}));
  EXPECT_EQ(child.failure(), "ended with exit code 5");
}

TEST(ChildProcess, DiesWithTheProcessThatStartedItAndSoDoItsOwnChildren) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t starter = ::fork();
  if (starter == 0) {
    ChildProcess child({"sh", "-c", "sleep 1000 & echo $!; wait"}, kEnvironment, "/");
    while (child.wait(
        100, [&](std::string_view line) { (void)!::write(ends[1], line.data(), line.size()); })) {
    }
    ::_exit(0);
  }
  char pid[32] = {};
  ASSERT_GT(::read(ends[0], pid, sizeof pid - 1), 0);
  ::kill(starter, SIGKILL);
  ::waitpid(starter, nullptr, 0);
  EXPECT_TRUE(is_gone(pid));
}

TEST(CommandStage, NamesVariablesAfterPorts) {
  EXPECT_EQ(variable_name("LEHR_INPUT_", "raw-data2"), "LEHR_INPUT_RAW_DATA2");
}

}  // namespace
}  // namespace lehr::plugins::command
