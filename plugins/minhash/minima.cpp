#include "minima.h"

namespace lehr::plugins::minhash {

Isa best_isa() {
  static const Isa best = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
      return Isa::avx512;
    return __builtin_cpu_supports("avx2") ? Isa::avx2 : Isa::baseline;
  }();
  return best;
}

const MinimaKernels& minima_kernels(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return avx512::kernels();
    case Isa::avx2:
      return avx2::kernels();
    case Isa::baseline:
      break;
  }
  return baseline::kernels();
}

}  // namespace lehr::plugins::minhash
