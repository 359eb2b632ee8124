#include "child_program.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <system_error>

namespace lehr::selftest {
namespace {

TEST(RunProgram, GivesLinesErrorsAndTheExitCode) {
  std::string lines;
  const Ended ended = run_program({"/bin/sh", "-c", "echo one; echo two; echo why >&2; exit 3"},
                                  [&](std::string_view line) {
                                    lines += std::string(line) + ",";
                                    return true;
                                  });
  EXPECT_EQ(lines, "one,two,");
  EXPECT_EQ(ended.said, "why\n");
  EXPECT_EQ(ended.code, 3);
}

TEST(RunProgram, KillsWhereTold) {
  const Ended ended = run_program({"/bin/sh", "-c", "echo one; exec sleep 1000"},
                                  [](std::string_view line) { return line != "one"; });
  EXPECT_EQ(ended.code, 128 + SIGKILL);
}

TEST(RunProgram, SaysThatThereIsNone) {
  EXPECT_THROW(run_program({"/nowhere/lehr"}, [](std::string_view) { return true; }),
               std::system_error);
}

}  // namespace
}  // namespace lehr::selftest
