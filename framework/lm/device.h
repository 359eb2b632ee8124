// Where models are computed. On the CPU by our own kernels; elsewhere (CUDA) the same operators run
// through ATen and, where that would take many passes over memory, kernels of ours for GPUs. A
// process computes on one device, chosen before its first tensor: parameters, optimizer state and
// activations live there; what comes from files and goes to them, and the small results of heads
// (losses, log-probabilities), are on the host.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/StreamGuard.h>

#include <cstdint>
#include <span>
#include <string>

namespace lehr::lm {

at::Device device();

// "cpu" or "cuda", the first GPU that CUDA shows this process. Call it before any tensor is made.
// Throws lehr::Error where LibTorch was built without CUDA or there is no GPU.
void choose_device(const std::string& name);

// Whether the GPU computes in bfloat16 with LibTorch's packed attention (compute capability 8.0
// on).
bool gpu_has_bf16();

// Whether an operator goes through ATen (or, on a GPU, through our kernels there: gpu_kernels.h)
// instead of our CPU kernels: everywhere but on the CPU.
bool through_aten(const at::Tensor& tensor);
bool only_aten();  // not even through our GPU kernels

// For tests, as long as one lives: only through ATen, on the CPU too.
class ThroughAten {
 public:
  ThroughAten();
  ~ThroughAten();
  ThroughAten(const ThroughAten&) = delete;
  ThroughAten& operator=(const ThroughAten&) = delete;
};

// As long as one lives, ATen need not order what it writes or adds by index: every place is met at
// most once.
class EachOnce {
 public:
  EachOnce();
  ~EachOnce();
  EachOnce(const EachOnce&) = delete;
  EachOnce& operator=(const EachOnce&) = delete;

 private:
  bool ordered_;
};

// On the host, dense; the tensor itself where it is there already.
at::Tensor on_host(const at::Tensor& tensor);
// A copy on `where`. The caller's memory may change as soon as this returns.
at::Tensor indices(std::span<const int32_t> values, at::Device where);
at::Tensor floats(std::span<const float> values, at::Device where);

// Waits until what was asked of the device is done; nothing to wait for on the CPU.
void synchronize();

// As long as one lives, this thread asks the GPU in a stream of its own, after all that was asked
// before: only there can a CUDA graph be recorded. Nothing on the CPU.
class OnOwnStream {
 public:
  OnOwnStream();
  ~OnOwnStream();
  OnOwnStream(const OnOwnStream&) = delete;
  OnOwnStream& operator=(const OnOwnStream&) = delete;

 private:
  c10::OptionalStreamGuard guard_;
};
void* current_stream();  // CUDA's own handle; null is its default stream
// How often ATen gave memory back that it kept, because the GPU had none left.
int64_t allocation_retries();

// Most bytes of GPU memory that tensors took at one time in this process; 0 on the CPU.
int64_t peak_gpu_bytes();

}  // namespace lehr::lm
