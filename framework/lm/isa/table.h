// Assembles one instruction set's table. Included once by each kernels_*.cpp and by nothing else;
// no standard template may come in here, for its inline functions would carry these flags.
#include "lm/isa/attention.h"
#include "lm/isa/few_rows.h"
#include "lm/isa/flat.h"
#include "lm/isa/rows.h"

namespace lehr::lm::LEHR_ISA {
namespace {

template <class T>
constexpr Kernels make_table() {
  return {
      .rms_norm = rms_norm<T>,
      .rms_norm_backward = rms_norm_backward<T>,
      .rope = rope<T>,
      .swiglu = swiglu<T>,
      .swiglu_backward = swiglu_backward<T>,
      .attention = attention<T>,
      .attention_backward = attention_backward<T>,
      .attend_range = attend_range<T>,
      .store_scaled = store_scaled<T>,
      .accumulate = accumulate<T>,
      .scatter_add = scatter_add<T>,
      .row_statistics = row_statistics<T>,
      .logits_gradient = logits_gradient<T>,
      .softmax_weights = softmax_weights,
      .row_dot = row_dot<T>,
      .few_rows = few_rows<T>,
      .few_rows_input = few_rows_input<T>,
      .most_few_rows = 8,
      .adamw = adamw<T>,
      .sum_squares = sum_squares,
  };
}

constexpr Kernels kFloat = make_table<float>();
constexpr Kernels kBfloat16 = make_table<bf16>();

}  // namespace

const Kernels& table(bool bf16) { return bf16 ? kBfloat16 : kFloat; }

}  // namespace lehr::lm::LEHR_ISA
