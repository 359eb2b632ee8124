#include "runtime/store/run_log.h"

#include <gtest/gtest.h>

#include <iterator>

#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {
namespace fs = std::filesystem;

class RunLogTest : public ScratchStore {};

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

TEST_F(RunLogTest, KeepsNothingOpenOfAStageThatWasClosed) {
  RunLog log(root_, "p");
  const std::ptrdiff_t before = open_descriptors();
  for (int i = 0; i < 50; ++i) {
    const std::string stage = "s" + std::to_string(i);
    log.log(stage, "hello");
    log.metric(stage, 1, "loss", 0.5);
    log.close(stage);
  }
  log.close("never heard of");
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(RunLogTest, GoesOnWithTheFilesOfAStageThatWasClosed) {
  RunLog log(root_, "p");
  log.log("s", "first");
  log.close("s");
  log.log("s", "second");
  EXPECT_EQ(read_file(log.stage_folder("s") / "log.txt"), "first\nsecond\n");
}

}  // namespace
}  // namespace lehr::runtime
