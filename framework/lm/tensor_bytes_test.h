// What the tensors hold that some work makes.
#pragma once

#include <c10/core/Allocator.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>

namespace lehr::lm {

// Bytes of the tensors made since it began: those alive, and the most that were at once.
class TensorBytes : public c10::MemoryReportingInfoBase {
 public:
  using c10::MemoryReportingInfoBase::reportMemoryUsage;
  void reportMemoryUsage(void*, int64_t size, size_t, size_t, c10::Device) override {
    alive_ += size;
    most_ = std::max(most_, alive_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  double most() const { return static_cast<double>(most_); }

 private:
  int64_t alive_ = 0, most_ = 0;
};

inline double most_bytes(const std::function<void()>& work) {
  const auto bytes = std::make_shared<TensorBytes>();
  const c10::DebugInfoGuard counted(c10::DebugInfoKind::PROFILER_STATE, bytes);
  work();
  return bytes->most();
}

}  // namespace lehr::lm
