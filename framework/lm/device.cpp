#include "lm/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <lehr/plugin.h>
#include <stdlib.h>

#include "lm/gpu_driver.h"

namespace lehr::lm {
namespace {

at::Device chosen = at::kCPU;
int aten_only = 0;

template <class T>
at::Tensor copied(std::span<const T> values, at::ScalarType type, at::Device where) {
  const at::Tensor host =
      at::from_blob(const_cast<T*>(values.data()), {static_cast<int64_t>(values.size())}, type);
  // From memory that is not pinned CUDA takes the bytes before it returns.
  return where.is_cpu() ? host.clone() : host.to(where, /*non_blocking=*/true);
}

c10::CachingDeviceAllocator::DeviceStats gpu_memory() {
  return c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(chosen.index());
}

}  // namespace

at::Device device() { return chosen; }

void choose_device(const std::string& name) {
  if (name == "cpu") {
    chosen = at::kCPU;
    return;
  }
  if (name != "cuda") throw Error("resources: there is no device '" + name + "'. Known: cpu, cuda");
  const std::string advice = "ive the stage 'resources: {device: cpu}'";
#ifndef LEHR_TORCH_CUDA
  throw Error(
      "resources: device 'cuda', but this build's LibTorch computes on the CPU only. Build "
      "Lehr with -DLEHR_LIBTORCH=DIR, a LibTorch with CUDA, or g" +
      advice);
#endif
  if (at::detail::getCUDAHooks().getNumGPUs() < 1)
    throw Error("resources: device 'cuda', but CUDA finds no GPU that it can use. G" + advice);
  // cuBLAS reads it once: without it products may depend on what else runs.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicFillUninitializedMemory(false);
  context.setAllowBF16ReductionCuBLAS(false);  // sums of bf16 products stay in float32
  chosen = at::Device(at::kCUDA, 0);
  context.lazyInitDevice(at::kCUDA);
}

bool gpu_has_bf16() { return chosen.is_cuda() && gpu::compute_capability() >= 80; }

bool only_aten() { return aten_only > 0; }

bool through_aten(const at::Tensor& tensor) { return aten_only > 0 || !tensor.is_cpu(); }

ThroughAten::ThroughAten() { ++aten_only; }
ThroughAten::~ThroughAten() { --aten_only; }

EachOnce::EachOnce() : ordered_(at::globalContext().deterministicAlgorithms()) {
  at::globalContext().setDeterministicAlgorithms(false, false);
}
EachOnce::~EachOnce() { at::globalContext().setDeterministicAlgorithms(ordered_, false); }

at::Tensor on_host(const at::Tensor& tensor) {
  return tensor.is_cpu() ? tensor : tensor.contiguous().to(at::kCPU);
}

at::Tensor indices(std::span<const int32_t> values, at::Device where) {
  return copied(values, at::kInt, where);
}

at::Tensor floats(std::span<const float> values, at::Device where) {
  return copied(values, at::kFloat, where);
}

void synchronize() {
  if (chosen.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(chosen.index());
}

OnOwnStream::OnOwnStream() {
  if (!chosen.is_cuda()) return;
  static const c10::Stream stream =
      c10::impl::VirtualGuardImpl(at::kCUDA).getStreamFromGlobalPool(chosen);
  synchronize();
  guard_.reset_stream(stream);
}
OnOwnStream::~OnOwnStream() { synchronize(); }

void* current_stream() {
  return c10::impl::VirtualGuardImpl(at::kCUDA).getStream(chosen).native_handle();
}

int64_t allocation_retries() { return gpu_memory().num_alloc_retries; }

int64_t peak_gpu_bytes() {
  if (!chosen.is_cuda()) return 0;
  return gpu_memory()
      .allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)]
      .peak;
}

}  // namespace lehr::lm
