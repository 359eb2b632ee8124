#include "runtime/run/stop_signals.h"

#include <gtest/gtest.h>

#include <csignal>

namespace lehr::runtime {
namespace {

TEST(StopSignals, ThatNobodyTookDoNotEndTheProcessAfterwards) {
  {
    StopSignals signals;
    std::raise(SIGINT);
    EXPECT_EQ(signals.take(), SIGINT);
    std::raise(SIGINT);
    std::raise(SIGTERM);
  }
  sigset_t pending;
  sigpending(&pending);
  EXPECT_FALSE(sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM));
}

}  // namespace
}  // namespace lehr::runtime
