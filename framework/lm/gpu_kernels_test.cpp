// Our GPU kernels beside the same operators through ATen, on a GPU. Built where LibTorch has CUDA.
#ifdef LEHR_TORCH_CUDA
#include "lm/gpu_kernels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "lm/device.h"
#include "lm/reference_model.h"

namespace lehr::lm::gpu {
namespace {

class GpuKernels : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override { choose_device("cuda"); }
  void TearDown() override { choose_device("cpu"); }

  at::Tensor random(std::vector<int64_t> shape) const {
    return at::randn(shape).to(device(), GetParam());
  }
  // Of results in the compute dtype, whose last bit two ways may round differently.
  double bound() const { return GetParam() == at::kFloat ? 2e-6 : 4e-3; }
  void expect_near(const at::Tensor& found, const at::Tensor& expected, const char* what) const {
    EXPECT_LT(relative_error(on_host(found), on_host(expected)), bound()) << what;
  }
};

INSTANTIATE_TEST_SUITE_P(Dtypes, GpuKernels, ::testing::Values(at::kFloat, at::kBFloat16));

constexpr int64_t kRows = 301;
constexpr int64_t kWidths[] = {8, 48, 264, 1000, 4096};

TEST_P(GpuKernels, Norms) {
  for (const int64_t width : kWidths) {
    const at::Tensor x = random({kRows, width}), delta = random({kRows, width}),
                     weight = random({width}), dy = random({kRows, width});
    ASSERT_TRUE(takes(x, width));
    for (const at::Tensor& added : {at::Tensor(), delta}) {
      const NormOutput expected = aten::norm_forward(x, added, weight, 1e-5);
      const NormOutput found = gpu::norm_forward(x, added, weight, 1e-5);
      expect_near(found.sum, expected.sum, "sum");
      expect_near(found.normed, expected.normed, "normed");
      expect_near(found.rstd, expected.rstd.view({-1}), "rstd");
      for (const bool accumulate : {false, true}) {
        at::Tensor dx = delta.clone(), other = delta.clone();
        const at::Tensor dw = at::rand({width}).to(device()), dw_other = dw.clone();
        aten::norm_backward(dy, expected.sum, expected.rstd, weight, other, accumulate, dw_other);
        gpu::norm_backward(dy, expected.sum, expected.rstd, weight, dx, accumulate, dw);
        expect_near(dx, other, "dx");
        EXPECT_LT(relative_error(on_host(dw), on_host(dw_other)), 4e-3);
      }
    }
  }
}

TEST_P(GpuKernels, Rotation) {
  for (const HeadShape shape : {HeadShape{4, 2, 16}, HeadShape{3, 3, 128}}) {
    at::Tensor found = random({kRows, shape.qkv_width()});
    at::Tensor expected = found.clone();
    const at::Tensor before = found.clone();
    const at::Tensor table = at::rand({kRows, shape.head_dim}).to(device());
    gpu::rotate_(found, table, shape, 1.0f);
    aten::rotate_(expected, table, shape, 1.0f);
    expect_near(found, expected, "rotated");
    const int64_t values = (shape.heads + shape.kv_heads) * shape.head_dim;
    EXPECT_TRUE(found.narrow(1, values, shape.kv_heads * shape.head_dim)
                    .equal(before.narrow(1, values, shape.kv_heads * shape.head_dim)));
  }
}

TEST_P(GpuKernels, Gates) {
  for (const int64_t width : kWidths) {
    const at::Tensor gate_up = random({kRows, 2 * width}), dy = random({kRows, width});
    expect_near(gpu::swiglu(gate_up), aten::swiglu(gate_up.to(at::kFloat)), "swiglu");
    const SwigluGradient found = gpu::swiglu_backward(gate_up, dy);
    const SwigluGradient expected =
        aten::swiglu_backward(gate_up.to(at::kFloat), dy.to(at::kFloat));
    expect_near(found.d_gate_up, expected.d_gate_up, "d_gate_up");
    expect_near(found.y, expected.y, "y");
  }
}

TEST_P(GpuKernels, RowsOfLogits) {
  const int64_t first = 5, count = kRows - 9;
  for (const int64_t width : kWidths) {
    const at::Tensor logits = random({count, width}) * 4;
    const at::Tensor targets = (at::arange(kRows, at::kInt) * 7 % width).to(device(), at::kInt);
    const at::Tensor g = at::randn({kRows}).to(device()), ge = at::randn({kRows}).to(device());
    for (const bool entropy : {false, true}) {
      for (const double inverse_temperature : {1.0, 1.7}) {
        const auto blank = [&] {
          const auto floats = [] { return at::empty({kRows}, device()); };
          Statistics s{
              floats(), {}, {}, at::empty({kRows}, at::TensorOptions(device()).dtype(at::kBool))};
          if (entropy) s.entropy = floats(), s.mean_logit = floats();
          return s;
        };
        Statistics found = blank(), expected = blank();
        gpu::statistics(logits, targets, first, inverse_temperature, found);
        aten::statistics(logits, targets, first, inverse_temperature, expected);
        const auto rows = [&](const at::Tensor& x) { return on_host(x.narrow(0, first, count)); };
        EXPECT_LT(relative_error(rows(found.logprob), rows(expected.logprob)), 2e-5);
        EXPECT_TRUE(rows(found.correct).equal(rows(expected.correct)));
        if (entropy) {
          EXPECT_LT(relative_error(rows(found.entropy), rows(expected.entropy)), 2e-4);
          EXPECT_LT(relative_error(rows(found.mean_logit), rows(expected.mean_logit)), 1e-4);
        }
        const at::Tensor a = logits.clone(), b = logits.clone();
        const at::Tensor of_entropy = entropy ? ge : at::Tensor();
        gpu::to_gradients(a, targets, first, inverse_temperature, expected, g, of_entropy);
        aten::to_gradients(b, targets, first, inverse_temperature, expected, g, of_entropy);
        EXPECT_LT(relative_error(on_host(a), on_host(b)), GetParam() == at::kFloat ? 2e-5 : 4e-3);
      }
    }
  }
}

// Greedy: the CPU's choice. Else the token in whose part of the cumulated probabilities the number
// lies, within the rounding of their sums.
TEST(GpuChoice, EqualsTheCpus) {
  choose_device("cuda");
  for (const int64_t width : kWidths) {
    at::Tensor logits = at::randn({kRows, width}) * 3;
    logits[7].zero_();  // nothing but ties
    logits[8].fill_(-1e9)[width - 1] = 0;
    const at::Tensor uniforms = at::rand({kRows}, at::kDouble);
    uniforms[7] = 0.0;
    uniforms[8] = 1 - 1e-16;
    for (const double temperature : {0.0, 0.7}) {
      const auto [tokens, logprobs] =
          gpu::choose(logits.to(device()), uniforms.to(device()), temperature);
      const at::Tensor ids = on_host(tokens), values = on_host(logprobs);
      for (int64_t i = 0; i < kRows; ++i) {
        const int64_t id = ids[i].item<int32_t>();
        ASSERT_TRUE(id >= 0 && id < width) << i;
        const double scale = temperature == 0 ? 1 : 1 / temperature;
        const at::Tensor p = at::softmax(logits[i].to(at::kDouble) * scale, 0);
        EXPECT_NEAR(values[i].item<float>(), std::log(p[id].item<double>()), 1e-5) << i;
        if (temperature == 0) {
          EXPECT_EQ(id, logits[i].argmax().item<int64_t>()) << i;
          continue;
        }
        const double before = id == 0 ? 0 : p.narrow(0, 0, id).sum().item<double>();
        const double u = uniforms[i].item<double>();
        EXPECT_GE(u, before - 1e-6) << i;
        EXPECT_LE(u, before + p[id].item<double>() + 1e-6) << i;
      }
    }
  }
  choose_device("cpu");
}

}  // namespace
}  // namespace lehr::lm::gpu
#endif
