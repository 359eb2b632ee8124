#include "lm/runtime.h"

#include <gtest/gtest.h>

#include "lm/fake_host.h"

namespace lehr::lm {
namespace {

TEST(StartRuntime, RefusesADeviceThatNothingIsComputedOn) {
  lehr_context host;
  const Context context(&host, fake_host());
  start_runtime(context);
  EXPECT_EQ(threads(), 2);
  host.device = "cuda";
  try {
    start_runtime(context);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'cuda'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace lehr::lm
