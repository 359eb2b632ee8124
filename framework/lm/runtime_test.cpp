#include "lm/runtime.h"

#include <gtest/gtest.h>

#include "lm/device.h"
#include "lm/fake_host.h"

namespace lehr::lm {
namespace {

TEST(StartRuntime, TakesThreadsAndDeviceOfTheStage) {
  lehr_context host;
  const Context context(&host, fake_host());
  start_runtime(context);
  EXPECT_EQ(threads(), 2);
  EXPECT_TRUE(device().is_cpu());
  host.device = "tpu";
  EXPECT_THROW(start_runtime(context), Error);
}

}  // namespace
}  // namespace lehr::lm
