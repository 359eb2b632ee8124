#include "lm/runtime.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "lm/device.h"
#include "lm/fake_host.h"

namespace lehr::lm {
namespace {

// What the kernel keeps of the mapping that `address` lies in: "rd wr mr mw me ac hg".
std::string flags_of_mapping(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long long begin = 0, end = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx ", &begin, &end) == 2)
      inside = begin <= wanted && wanted < end;
    if (inside && line.starts_with("VmFlags:")) return line.substr(8);
  }
  return {};
}

TEST(StartRuntime, TakesThreadsAndDeviceOfTheStage) {
  lehr_context host;
  const Context context(&host, fake_host());
  start_runtime(context);
  EXPECT_EQ(threads(), 2);
  EXPECT_TRUE(device().is_cpu());
  host.device = "tpu";
  EXPECT_THROW(start_runtime(context), Error);
}

TEST(StartRuntime, LargeTensorsLieInHugePagesWhereTheKernelHasThem) {
  if (!std::filesystem::exists("/sys/kernel/mm/transparent_hugepage"))
    GTEST_SKIP() << "this kernel has none";
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers bring an allocator of their own";
#endif
  start_runtime(2);
  const at::Tensor large = at::empty({16 << 20}, at::kFloat);
  const char* middle = static_cast<const char*>(large.data_ptr()) + large.nbytes() / 2;
  EXPECT_NE(flags_of_mapping(middle).find(" hg"), std::string::npos) << flags_of_mapping(middle);
}

// The last one: where malloc has failed once, it takes the next memory from elsewhere.
TEST(StartRuntime, WhatDoesNotFitIntoMemoryIsOneLine) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers bring an allocator of their own";
#endif
  start_runtime(2);
  try {
    at::empty({int64_t{1} << 58}, at::kFloat);
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "not enough memory: could not get 1152921504606846976 bytes");
  }
  const auto tell = [] { TORCH_CHECK(false, "no"); };
  try {
    tell();
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_EQ(std::string(error.what()).find("frame #"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace lehr::lm
