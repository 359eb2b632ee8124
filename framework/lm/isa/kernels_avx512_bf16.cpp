#define LEHR_ISA avx512_bf16
// The table of AVX-512, with what multiplies bfloat16 in pairs.
#include "lm/isa/attention.h"
#include "lm/isa/few_rows.h"

namespace lehr::lm::LEHR_ISA {

const Kernels& table(bool bf16_) {
  static const Kernels pairs = [] {
    Kernels out = avx512::table(true);
    out.attention = attention<bf16>;
    out.attention_backward = attention_backward<bf16>;
    out.attend_range = attend_range<bf16>;
    out.few_rows = few_rows<bf16>;
    out.few_rows_input = few_rows_input<bf16>;
    out.most_few_rows = 64;
    return out;
  }();
  return bf16_ ? pairs : avx512::table(false);
}

}  // namespace lehr::lm::LEHR_ISA
