// The row kernels of every instruction set and dtype against plain loops in double; gradients
// against the slopes of those loops.
#include <gtest/gtest.h>

#include "lm/kernel_buffers_test.h"
#include "lm/kernels.h"

namespace lehr::lm {
namespace {

using slow::Row;

constexpr size_t kRows[] = {0, 1, 3};
constexpr double kEps = 1e-2;  // large enough to be seen

TEST(RowKernels, RmsNormNormsTheSumOfStreamAndDelta) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t width : kWidths)
      for (const size_t rows : kRows)
        for (const bool with_delta : {false, true})
          for (const bool in_place : {false, true}) {
            Elements x(bf16, slow::normals(rows * width, 1)),
                delta(bf16, slow::normals(rows * width, 2)), sum(bf16, rows * width, 0),
                weight(bf16, slow::normals(width, 3)), y(bf16, rows * width, 0);
            Elements rstd(false, rows, 0);
            Row stream = x.values(), expected, expected_rstd;
            if (with_delta)
              for (size_t i = 0; i < stream.size(); ++i)
                stream[i] = rounded_to(bf16, stream[i] + delta[i]);
            for (size_t r = 0; r < rows; ++r) {
              const Row row = slow::part(stream, r * width, width);
              expected_rstd.push_back(1 / slow::rms(row, kEps));
              slow::append(expected, slow::rms_norm(row, weight.values(), kEps));
            }
            k.rms_norm(x.data(), with_delta ? delta.data() : nullptr,
                       in_place ? x.data() : sum.data(), weight.data(), y.data(), rstd.floats(),
                       signed_size(rows), signed_size(width), kEps);
            if (with_delta) {
              EXPECT_EQ((in_place ? x : sum).values(), stream);
            }
            expect_close(rstd, expected_rstd);
            // The normed value is rounded before the weight multiplies it: half a unit more.
            expect_close(y, expected, bf16 ? 1.0 / 256 : kSumError);
          }
  });
}

// The HF order: cast(x * rstd) * weight. The other one gives other bits for a third of the values.
TEST(RowKernels, RmsNormRoundsBeforeTheWeightMultiplies) {
  const size_t width = 1000;
  with_every_table([&](const Kernels& k, bool bf16) {
    if (!bf16) return;
    Elements x(true, slow::normals(width, 4)), weight(true, slow::normals(width, 5)),
        sum(true, width, 0), y(true, width, 0);
    k.rms_norm(x.data(), nullptr, nullptr, weight.data(), y.data(), nullptr, 1, 1000, kEps);
    const double rstd = 1 / slow::rms(x.values(), kEps);
    size_t other = 0;
    for (size_t c = 0; c < width; ++c)
      other += y[c] != rounded_to(true, weight[c] * rounded_to(true, x[c] * rstd));
    EXPECT_LE(other, 5u) << "more than where a sum's last bit decides";
  });
}

TEST(RowKernels, RmsNormBackwardIsTheSlopeOfTheNorm) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t width : {1, 5, 16, 37})
      for (const size_t rows : kRows)
        for (const bool accumulate : {false, true}) {
          Elements x(bf16, slow::normals(rows * width, 1)),
              dy(bf16, slow::normals(rows * width, 2)), weight(bf16, slow::normals(width, 3)),
              dx(bf16, slow::normals(rows * width, 4));
          Elements rstd(false, rows, 0), d_weight(false, slow::normals(width, 6));
          Row expected, expected_weight = d_weight.values();
          for (size_t r = 0; r < rows; ++r) {
            const Row row = slow::part(x.values(), r * width, width),
                      by = slow::part(dy.values(), r * width, width), w = weight.values();
            rstd.set(r, 1 / slow::rms(row, kEps));
            slow::append(expected, slow::slopes(row, [&](const Row& at) {
                           return slow::dot(slow::rms_norm(at, w, kEps), by);
                         }));
            const Row of_weight = slow::slopes(
                w, [&](const Row& at) { return slow::dot(slow::rms_norm(row, at, kEps), by); });
            for (size_t c = 0; c < width; ++c) expected_weight[c] += of_weight[c];
          }
          if (accumulate)
            for (size_t i = 0; i < expected.size(); ++i) expected[i] += dx[i];
          k.rms_norm_backward(dy.data(), x.data(), weight.data(), rstd.floats(), dx.data(),
                              d_weight.floats(), signed_size(rows), signed_size(width), accumulate);
          expect_close(dx, expected);
          expect_close(d_weight, expected_weight);
        }
  });
}

Row table_of(const Row& angles) {
  Row table;
  for (const double a : angles) table.push_back(std::cos(a));
  for (const double a : angles) table.push_back(std::sin(a));
  return table;
}

TEST(RowKernels, RopeRotatesTheFirstHeadsOfEachRowAndUndoesIt) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t head_dim : {2, 6, 10, 32, 66})
      for (const size_t rows : kRows)
        for (const float sign : {1.0f, -1.0f}) {
          const size_t stride = 3 * head_dim + 1, half = head_dim / 2;
          Elements qkv(bf16, slow::normals(rows * stride, 1));
          const Row angles = slow::normals(rows * half, 2, 3);
          Row expected = qkv.values(), table;
          for (size_t r = 0; r < rows; ++r) {
            Row own = slow::part(angles, r * half, half);
            slow::append(table, table_of(own));
            for (double& angle : own) angle *= sign;
            for (size_t h = 0; h < 2; ++h) {
              const size_t at = r * stride + h * head_dim;
              const Row turned = slow::rope(slow::part(expected, at, head_dim), own);
              std::copy(turned.begin(), turned.end(), &expected[at]);
            }
          }
          Elements cosines_sines(false, table);
          k.rope(qkv.data(), cosines_sines.floats(), signed_size(rows), signed_size(stride), 2,
                 signed_size(head_dim), sign);
          expect_close(qkv, expected);
        }
  });
}

TEST(RowKernels, RopeBackwardIsTheSlopeOfTheRotation) {
  const size_t head_dim = 10;
  with_every_table([&](const Kernels& k, bool bf16) {
    const Row x = slow::normals(head_dim, 1), angles = slow::normals(head_dim / 2, 2, 3);
    Elements d(bf16, slow::normals(head_dim, 3)), cosines_sines(false, table_of(angles));
    const Row by = d.values();
    k.rope(d.data(), cosines_sines.floats(), 1, 10, 1, 10, -1.0f);
    expect_close(
        d, slow::slopes(x, [&](const Row& at) { return slow::dot(slow::rope(at, angles), by); }));
  });
}

// Gates from -100 to 100: the exponential's ends too.
Row gates_and_ups(size_t width, size_t row) {
  Row values = slow::normals(2 * width, 10 + row, 2);
  const double ends[] = {0, -100, 100, -20, 20};
  for (size_t c = 0; c < std::min<size_t>(width / 2, 5); ++c) values[2 * c] = ends[c];
  return values;
}

TEST(RowKernels, SwigluAndItsBackwardFollowTheFormulaAndItsSlope) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t width : kWidths)
      for (const size_t rows : kRows) {
        Row values;
        for (size_t r = 0; r < rows; ++r) slow::append(values, gates_and_ups(width, r));
        Elements gate_up(bf16, values), dy(bf16, slow::normals(rows * width, 2)),
            y(bf16, rows * width, 0), again(bf16, rows * width, 0), d(bf16, rows * 2 * width, 0);
        Row expected, slope;
        for (size_t r = 0; r < rows; ++r) {
          const Row row = slow::part(gate_up.values(), r * 2 * width, 2 * width),
                    by = slow::part(dy.values(), r * width, width);
          slow::append(expected, slow::swiglu(row));
          slow::append(slope, slow::slopes(row, [&](const Row& at) {
                         return slow::dot(slow::swiglu(at), by);
                       }));
        }
        k.swiglu(gate_up.data(), y.data(), signed_size(rows), signed_size(width));
        k.swiglu_backward(gate_up.data(), dy.data(), d.data(), again.data(), signed_size(rows),
                          signed_size(width));
        expect_close(y, expected);
        expect_close(d, slope);
        expect_close(again, expected);
      }
  });
}

// By what is left of a gate far below zero: 2 ulp of the exponential and three roundings more.
TEST(RowKernels, TheirExponentialIsGoodToTheLastPlaces) {
  const size_t width = 4001;
  with_every_table([&](const Kernels& k, bool bf16) {
    if (bf16) return;
    Row values;
    for (size_t i = 0; i < width; ++i) values.push_back(-0.0217 * static_cast<double>(i));
    values.resize(2 * width, 1);
    Elements gate_up(false, values), y(false, width, 0);
    k.swiglu(gate_up.data(), y.data(), 1, signed_size(width));
    const Row expected = slow::swiglu(gate_up.values());
    for (size_t i = 0; i < width; ++i)
      ASSERT_NEAR(y[i], expected[i], 5e-7 * std::abs(expected[i])) << gate_up[i];
  });
}

// A NaN must reach the loss, where it is seen, not become a number on the way.
TEST(RowKernels, KeepANanWhereverItIs) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t place : {0, 16, 36}) {
      Row values = slow::normals(37, 1);
      values[place] = std::nan("");
      Elements x(bf16, values), ones(bf16, 37, 1), y(bf16, 37, 0), gated(bf16, 18, 0);
      Elements logprob(false, 1, 0);
      bool correct = false;
      k.rms_norm(x.data(), nullptr, nullptr, ones.data(), y.data(), nullptr, 1, 37, 1e-5f);
      for (size_t i = 0; i < 37; ++i) EXPECT_TRUE(std::isnan(y[i])) << place << " " << i;
      if (place < 36) {
        k.swiglu(x.data(), gated.data(), 1, 18);
        EXPECT_TRUE(std::isnan(gated[place % 18])) << place;
      }
      const int32_t target = 3;
      k.row_statistics(x.data(), &target, 1, 37, 1.0f,
                       {logprob.floats(), nullptr, nullptr, &correct});
      EXPECT_TRUE(std::isnan(logprob[0])) << place;
    }
  });
}

TEST(RowKernels, RowDotIsTheProductOfARow) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t width : kWidths)
      for (const size_t rows : kRows) {
        Elements x(bf16, slow::normals(rows * width, 1)), w(bf16, slow::normals(width, 2));
        Elements y(false, rows, 0);
        Row expected;
        for (size_t r = 0; r < rows; ++r)
          expected.push_back(slow::dot(slow::part(x.values(), r * width, width), w.values()));
        k.row_dot(x.data(), w.data(), y.floats(), signed_size(rows), signed_size(width));
        for (size_t r = 0; r < rows; ++r)
          EXPECT_NEAR(y[r], expected[r], 1e-6 * std::sqrt(static_cast<double>(width)) * 10);
      }
  });
}

struct Logits {
  size_t rows, width;
  double temperature;
  bool bf16;
  Row values;
  std::vector<int32_t> targets;

  Logits(bool in_bf16, size_t count, size_t columns, double t)
      : rows(count), width(columns), temperature(t), bf16(in_bf16) {
    for (size_t r = 0; r < rows; ++r) {
      slow::append(values, slow::normals(width, 20 + r, r == 1 ? 20 : 2));
      targets.push_back(static_cast<int32_t>((r * (width - 1) / 2) % width));
    }
    if (rows > 2) {  // the target ties with another for the top
      values[2 * width] = values[3 * width - 1] = 9;
      targets[2] = 0;
    }
    for (double& value : values) value = rounded_to(bf16, value);
  }
  Row row(size_t r) const { return slow::part(values, r * width, width); }
  Row logprobs(size_t r) const { return slow::log_softmax(row(r), temperature); }
  size_t target(size_t r) const { return static_cast<size_t>(targets[r]); }
  float inverse() const { return static_cast<float>(1 / temperature); }
};

template <class F>
void with_logits(bool bf16, const F& f) {
  for (const size_t width : {1, 7, 16, 37, 333})
    for (const size_t rows : kRows)
      for (const double temperature : {1.0, 0.625}) f(Logits(bf16, rows, width, temperature));
}

TEST(RowKernels, RowStatisticsAreThoseOfTheSoftmax) {
  with_every_table([](const Kernels& k, bool bf16) {
    with_logits(bf16, [&](const Logits& z) {
      for (const bool whole : {false, true}) {
        Elements logits(bf16, z.values);
        Elements logprob(false, z.rows, 0), entropy(false, z.rows, 0), mean(false, z.rows, 0);
        bool correct[4] = {};
        k.row_statistics(logits.data(), z.targets.data(), signed_size(z.rows), signed_size(z.width),
                         z.inverse(),
                         {logprob.floats(), whole ? entropy.floats() : nullptr,
                          whole ? mean.floats() : nullptr, correct});
        for (size_t r = 0; r < z.rows; ++r) {
          const Row row = z.row(r), lp = z.logprobs(r);
          EXPECT_NEAR(logprob[r], lp[z.target(r)], 1e-6 * (2 - lp[z.target(r)]));
          EXPECT_EQ(correct[r], row[z.target(r)] == *std::max_element(row.begin(), row.end()));
          if (!whole) continue;
          EXPECT_NEAR(entropy[r], slow::entropy(lp), 5e-6);
          EXPECT_NEAR(mean[r], slow::dot(row, Row(z.width, 1)) / static_cast<double>(z.width),
                      5e-6);
        }
        EXPECT_FALSE(correct[3]) << "zero rows more";
      }
    });
  });
}

TEST(RowKernels, SoftmaxWeightsAreOneForTheLargest) {
  with_every_table([](const Kernels& k, bool bf16) {
    if (bf16) return;  // float32 either way
    for (const size_t width : kWidths)
      for (const float scale : {1.0f, 1.6f}) {
        Elements x(false, slow::normals(width, 1, 20)), weights(false, width, 0);
        x.set(width - 1, -300);
        const Row row = x.values();
        const double largest = *std::max_element(row.begin(), row.end());
        Row expected;
        for (const double value : row)
          expected.push_back(std::exp((value - largest) * static_cast<double>(scale)));
        EXPECT_EQ(k.softmax_weights(x.floats(), scale, weights.floats(), signed_size(width)),
                  static_cast<float>(largest));
        expect_close(weights, expected, 1e-5);
        if (width > 1) {
          EXPECT_EQ(weights[width - 1], 0);
        }
      }
  });
}

TEST(RowKernels, LogitsGradientIsTheSlopeOfLogprobAndEntropy) {
  with_every_table([](const Kernels& k, bool bf16) {
    with_logits(bf16, [&](const Logits& z) {
      for (const bool with_entropy : {false, true}) {
        Elements logits(bf16, z.values);
        Elements g(false, slow::normals(z.rows, 1)), ge(false, slow::normals(z.rows, 2));
        Elements logprob(false, z.rows, 0), entropy(false, z.rows, 0);
        if (z.rows > 1) ge.set(0, 0);
        Row expected;
        for (size_t r = 0; r < z.rows; ++r) {
          logprob.set(r, z.logprobs(r)[z.target(r)]);
          entropy.set(r, slow::entropy(z.logprobs(r)));
          slow::append(expected, slow::slopes(z.row(r), [&](const Row& at) {
                         const Row lp = slow::log_softmax(at, z.temperature);
                         return g[r] * lp[z.target(r)] +
                                (with_entropy ? ge[r] * slow::entropy(lp) : 0);
                       }));
        }
        k.logits_gradient(logits.data(), z.targets.data(), signed_size(z.rows),
                          signed_size(z.width), z.inverse(), logprob.floats(),
                          with_entropy ? entropy.floats() : nullptr, g.floats(),
                          with_entropy ? ge.floats() : nullptr);
        // Log-probabilities near 100 have lost 1e-5 to float32 before the exponential.
        expect_close(logits, expected, 3e-5);
      }
    });
  });
}

}  // namespace
}  // namespace lehr::lm
