// What we need of CUDA's driver and of NVRTC, by their C functions, which are looked up when a GPU
// is first used: LibTorch ships without CUDA's headers.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace lehr::lm::gpu {

// A compiled __global__ function.
using Kernel = void*;

std::string model();
int compute_capability();

// Of gpu/kernels.cu, by its C++ name: "rms_norm<bf16>". The first call compiles all of them. Throws
// std::runtime_error with the compiler's or the driver's message.
Kernel kernel(const std::string& name);

// Blocks (x, y) of so many threads on the default stream, which is where ATen's work runs.
// arguments: the addresses of the values, in order, of exactly the parameters' types.
void launch(Kernel kernel, int64_t blocks_x, int64_t blocks_y, int threads, void** arguments);

template <class... Args>
void launch(Kernel kernel, int64_t blocks_x, int64_t blocks_y, int threads, Args... values) {
  std::array<void*, sizeof...(Args)> arguments = {
      const_cast<void*>(static_cast<const void*>(&values))...};
  launch(kernel, blocks_x, blocks_y, threads, arguments.data());
}

}  // namespace lehr::lm::gpu
