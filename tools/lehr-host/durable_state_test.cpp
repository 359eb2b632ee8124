#include "durable_state.h"

#include <gtest/gtest.h>

#include <fstream>

#include "runtime/store/checked_json.h"

namespace lehr::host {
namespace {

namespace fs = std::filesystem;

class DurableStateTest : public testing::Test {
 protected:
  DurableStateTest() { fs::remove_all(work_); }
  ~DurableStateTest() override { fs::remove_all(work_); }

  // An attempt that commits once; how long the stage had then worked.
  double attempt(const std::string& tag) {
    DurableState state(work_);
    state.resume({"model"}, [](const std::string& text) { ADD_FAILURE() << text; });
    before_ = state.seconds();
    std::ofstream(state.begin() / "n") << tag;
    state.commit(tag, {});
    return runtime::read_checked_json(state.latest()->path.parent_path() / "state.json")
        .at("seconds");
  }

  const fs::path work_ = fs::path(testing::TempDir()) / "durable_state_test";
  double before_ = 0;
};

TEST_F(DurableStateTest, AddsUpTheTimeOfAttemptsUpToTheirCheckpoints) {
  const double first = attempt("one");
  EXPECT_GT(first, 0);
  const double second = attempt("two");
  EXPECT_GE(before_, first);
  EXPECT_GT(second, first);
  fs::remove_all(work_ / "state");
  attempt("three");
  EXPECT_LT(before_, first);  // nothing of before is left
}

}  // namespace
}  // namespace lehr::host
