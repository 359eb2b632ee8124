// What we need of CUDA's driver and of NVRTC, by their C functions, which are looked up when a GPU
// is first used: LibTorch ships without CUDA's headers.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace lehr::lm::gpu {

// A compiled __global__ function.
using Kernel = void*;

std::string model();
int compute_capability();

// Of gpu/kernels.cu, by its C++ name: "rms_norm<bf16>". The first call compiles all of them. Throws
// std::runtime_error with the compiler's or the driver's message.
Kernel kernel(const std::string& name);

// Blocks (x, y) of so many threads.
struct Grid {
  int64_t x, y;
  int threads;
};

// In CUDA's stream of that handle, null being the default one. arguments: the addresses of the
// values, in order, of exactly the parameters' types.
void launch(Kernel kernel, Grid grid, void* stream, void** arguments);

template <class... Args>
void launch(Kernel kernel, Grid grid, void* stream, Args... values) {
  std::array<void*, sizeof...(Args)> arguments = {
      const_cast<void*>(static_cast<const void*>(&values))...};
  launch(kernel, grid, stream, arguments.data());
}

// Work that is recorded once and then done again and again by one call: a CUDA graph.
class Graph {
 public:
  Graph() = default;
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  bool recorded() const { return executable_ != nullptr; }
  // Records what `ask` asks of the stream, which is not the default one; none of it is done.
  void record(void* stream, const std::function<void()>& ask);
  void launch(void* stream) const;

 private:
  void* executable_ = nullptr;
};

}  // namespace lehr::lm::gpu
