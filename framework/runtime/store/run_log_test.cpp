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

TEST_F(RunLogTest, KeepsVariantsApartWhoseNamesLookAlikeAsFolders) {
  RunLog log(root_, "p");
  for (const char* stage : {"a@n=x/y", "a@n=x_y", "a@n=x:y"}) log.log(stage, stage);
  for (const char* stage : {"a@n=x/y", "a@n=x_y", "a@n=x:y"})
    EXPECT_EQ(read_file(stage_folder(log.folder(), stage) / "log.txt"), stage + std::string("\n"));
}

TEST_F(RunLogTest, TakesStagesWithLongNames) {
  RunLog log(root_, "p");
  const std::string prompt = "a@prompt=" + std::string(3000, 'x');
  log.log(prompt + "y", "first");
  log.log(prompt + "z", "second");
  EXPECT_EQ(read_file(stage_folder(log.folder(), prompt + "y") / "log.txt"), "first\n");
}

TEST_F(RunLogTest, FindsWhatARunKeptWhenNamesHadNoEnding) {
  RunLog log(root_, "p");
  log.write_plan(R"({"stages": [{"id": "a@n=x/y"}, {"id": "b@n=x/y"}, {"id": "b@n=x_y"}]})");
  log.log("a@n=x_y", "as it was");
  log.log("b@n=x_y", "its own");
  EXPECT_EQ(stage_folder(log.folder(), "a@n=x/y"), log.folder() / "stages" / "a@n=x_y");
  EXPECT_NE(stage_folder(log.folder(), "b@n=x/y"), log.folder() / "stages" / "b@n=x_y");
}

TEST(FolderName, CannotLeaveTheFolder) {
  EXPECT_EQ(folder_name("dpo@beta=0.1"), "dpo@beta=0.1");
  for (const char* id : {"../x", "..", ".", "", "a/../../b"}) {
    EXPECT_EQ(folder_name(id).find('/'), std::string::npos) << id;
    EXPECT_EQ(folder_name(id).front(), id[0] == 'a' ? 'a' : '_') << id;
  }
}

}  // namespace
}  // namespace lehr::runtime
