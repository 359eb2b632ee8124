#include "lm/linear.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <vector>

#include "lm/kernels.h"

namespace lehr::lm {
namespace {

std::vector<Isa> isas() {
  std::vector<Isa> out;
  for (const Isa isa : {Isa::kBaseline, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16})
    if (isa <= best_isa()) out.push_back(isa);
  return out;
}

// Sizes around vectors and tiles; every instruction set against sums in double.
TEST(Linear, FewRowsKernelsMakeTheProduct) {
  for (const Isa isa : isas())
    for (const bool bf16 : {false, true})
      for (const int64_t k : {1, 15, 16, 17, 33, 64, 100})
        for (const int64_t outs : {1, 2, 3, 4, 9})
          for (const int64_t rows : {1, 3, 4, 5, 8, 13}) {
            const auto dtype = bf16 ? at::kBFloat16 : at::kFloat;
            const at::Tensor x = at::randn({rows, k}).to(dtype), w = at::randn({outs, k}).to(dtype);
            const at::Tensor wanted = at::linear(x.to(at::kDouble), w.to(at::kDouble));
            at::Tensor y = at::randn({rows, outs + 2});  // beyond `outs` nothing is written
            const at::Tensor before = y.clone();
            const at::Tensor input = at::empty({rows, k}, at::kFloat);
            const Kernels& of = kernels(bf16, isa);
            of.few_rows_input(x.data_ptr(), input.data_ptr(), rows * k);
            of.few_rows(input.data_ptr(), w.data_ptr(), y.data_ptr<float>(), rows, k, outs,
                        outs + 2);
            const at::Tensor error = (y.narrow(1, 0, outs).to(at::kDouble) - wanted).abs().max();
            ASSERT_LT(error.item<double>(), 2e-5) << rows << " x " << k << " x " << outs;
            ASSERT_TRUE(at::equal(y.narrow(1, outs, 2), before.narrow(1, outs, 2)));
          }
}

TEST(Linear, RowsComeOutTheSameAloneAndTogether) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const int64_t most = kernels(dtype == at::kBFloat16).most_few_rows;
    const at::Tensor x = at::randn({most, 200}).to(dtype), w = at::randn({333, 200}).to(dtype);
    const at::Tensor bias = at::randn({333}).to(dtype);
    const at::Tensor together = product(x, w, bias);
    EXPECT_EQ(together.scalar_type(), dtype);
    const at::Tensor wanted =
        at::linear(x.to(at::kDouble), w.to(at::kDouble), bias.to(at::kDouble));
    const double rounding = dtype == at::kFloat ? 1e-6 : 1.0 / 256;
    EXPECT_TRUE(((together.to(at::kDouble) - wanted).abs() <= rounding * (wanted.abs() + 16))
                    .all()
                    .item<bool>());
    for (int64_t rows = 1; rows < most; ++rows)
      EXPECT_TRUE(at::equal(product(x.narrow(0, 0, rows), w, bias), together.narrow(0, 0, rows)));
  }
}

// On either side of where another way to multiply begins or ends.
TEST(Linear, ManyRowsMakeTheProduct) {
  for (const auto dtype : {at::kFloat, at::kBFloat16})
    for (const int64_t rows : {9, 32, 64, 65, 128, 129}) {
      const at::Tensor x = at::randn({rows, 200}).to(dtype), w = at::randn({333, 200}).to(dtype);
      for (const at::Tensor& bias : {at::Tensor(), at::randn({333}).to(dtype)}) {
        const at::Tensor y = product(x, w, bias);
        EXPECT_TRUE(y.is_contiguous());
        EXPECT_EQ(y.scalar_type(), dtype);
        at::Tensor wanted = at::linear(x.to(at::kDouble), w.to(at::kDouble));
        if (bias.defined()) wanted += bias.to(at::kDouble);
        // Of sums of 200 products of about 1, the worst of 40,000.
        const double rounding = dtype == at::kFloat ? 4e-6 : 1.0 / 64;
        EXPECT_TRUE(((y.to(at::kDouble) - wanted).abs() <= rounding * (wanted.abs() + 16))
                        .all()
                        .item<bool>())
            << rows << " rows";
      }
    }
}

}  // namespace
}  // namespace lehr::lm
