#define LEHR_ISA avx512_bf16
// The table of AVX-512, with attention that multiplies bfloat16.
#include "lm/isa/attention.h"

namespace lehr::lm::LEHR_ISA {

const Kernels& table(bool bf16_) {
  static const Kernels pairs = [] {
    Kernels out = avx512::table(true);
    out.attention = attention<bf16>;
    out.attention_backward = attention_backward<bf16>;
    return out;
  }();
  return bf16_ ? pairs : avx512::table(false);
}

}  // namespace lehr::lm::LEHR_ISA
