#include "lm/kernels.h"

namespace lehr::lm {

int64_t attention_scratch(int64_t keys, int64_t head_dim) {
  // What attention_backward lays out: five [Tp, Dp] tiles, three [32, Dp] and two [32, Tp] blocks.
  const int64_t tp = (keys + 15) / 16 * 16;
  const int64_t dp = (head_dim + 15) / 16 * 16;
  return 5 * tp * dp + 3 * 32 * dp + 2 * 32 * tp;
}

Isa best_isa() {
  static const Isa best = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
      return __builtin_cpu_supports("avx512bf16") ? Isa::kAvx512Bf16 : Isa::kAvx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::kAvx2;
    return Isa::kBaseline;
  }();
  return best;
}

const Kernels& kernels(bool bf16, Isa isa) {
  switch (isa) {
    case Isa::kAvx512Bf16:
      return avx512_bf16::table(bf16);
    case Isa::kAvx512:
      return avx512::table(bf16);
    case Isa::kAvx2:
      return avx2::table(bf16);
    case Isa::kBaseline:
      break;
  }
  return baseline::table(bf16);
}

}  // namespace lehr::lm
