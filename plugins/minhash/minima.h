// The innermost loops of MinHash for the instruction set of this machine; all give the same
// numbers. Lists of functions are padded to a multiple of kPad, with any values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lehr::plugins::minhash {

struct MinimaKernels {
  static constexpr std::size_t kPad = 16;
  // minima[k] = min(minima[k], (a[k] x + b[k] mod 2^64) mod 2^61 - 1) over the shingles x, from
  // minima below 2^63.
  void (*permuted)(const std::uint64_t* shingles, std::size_t n, const std::uint64_t* a,
                   const std::uint64_t* b, std::uint64_t* minima, std::size_t functions);
  // minima[k] = min(minima[k], low(x) + k (high(x) | 1) mod 2^32), low and high half of x.
  void (*strided)(const std::uint64_t* shingles, std::size_t n, std::uint32_t* minima,
                  std::size_t functions);
};

enum class Isa { baseline, avx2, avx512 };
Isa best_isa();
const MinimaKernels& minima_kernels(Isa isa = best_isa());

namespace avx512 {
const MinimaKernels& kernels();
}
namespace avx2 {
const MinimaKernels& kernels();
}
namespace baseline {
const MinimaKernels& kernels();
}

}  // namespace lehr::plugins::minhash
