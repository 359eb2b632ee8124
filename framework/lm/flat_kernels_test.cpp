// The kernels over flat buffers, of every instruction set and dtype, against plain loops in double.
#include <gtest/gtest.h>

#include "lm/kernel_buffers_test.h"
#include "lm/kernels.h"

namespace lehr::lm {
namespace {

using slow::Row;

constexpr size_t kCounts[] = {0, 1, 7, 16, 33, 100, 1003};

TEST(FlatKernels, StoreScaledRoundsToNearestAndAccumulateAdds) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t count : kCounts) {
      Elements from(false, slow::normals(count, 1)), to(bf16, count, 0);
      k.store_scaled(from.floats(), 0.7f, to.data(), signed_size(count));
      Row expected, sums = from.values();
      for (size_t i = 0; i < count; ++i) {
        const float scaled = static_cast<float>(from[i]) * 0.7f;
        expected.push_back(rounded_to(bf16, static_cast<double>(scaled)));
        sums[i] = static_cast<float>(from[i] + to[i]);
      }
      EXPECT_EQ(to.values(), expected) << count;
      k.accumulate(to.data(), from.floats(), signed_size(count));
      EXPECT_EQ(from.values(), sums) << count;
    }
  });
}

TEST(FlatKernels, RoundingKeepsTiesEvenSignsInfinitiesAndNans) {
  with_every_table([](const Kernels& k, bool bf16) {
    if (!bf16) return;
    const double infinity = std::numeric_limits<double>::infinity(), unit = 1.0 / 128;
    const double cases[][2] = {
        {1 + unit / 2, 1},     {1 + 3 * unit / 2, 1 + 2 * unit},
        {-(1 + unit / 2), -1}, {1 + unit * 0.51, 1 + unit},
        {infinity, infinity},  {-infinity, -infinity},
        {3.4e38, infinity},  // above the largest bfloat16 by over half a unit
        {1e-41, 1e-41}};     // a denormal, to its own last place
    Elements from(false, 16, 0), to(true, 16, 1);
    for (size_t i = 0; i < 8; ++i) from.set(i, cases[i][0]);
    const uint32_t nans[] = {0x7fffffffu, 0xffffffffu, 0x7f800001u};
    for (size_t i = 0; i < 3; ++i) std::memcpy(from.at(8 + i), &nans[i], 4);
    k.store_scaled(from.floats(), 1.0f, to.data(), 16);
    for (size_t i = 0; i < 7; ++i) EXPECT_EQ(to[i], cases[i][1]) << cases[i][0];
    EXPECT_NEAR(to[7], 1e-41, 5e-41);
    for (size_t i = 8; i < 11; ++i) EXPECT_TRUE(std::isnan(to[i])) << i;
    for (size_t i = 11; i < 16; ++i) EXPECT_EQ(to[i], 0);
  });
}

TEST(FlatKernels, ScatterAddSumsTheRowsOfAnIdInsideItsColumns) {
  const std::vector<int32_t> ids = {4, 0, 4, 2, 4};
  with_every_table([&](const Kernels& k, bool bf16) {
    for (const size_t width : kWidths)
      for (const size_t first : {size_t{0}, width / 3}) {
        Elements dx(bf16, slow::normals(5 * width, 1));
        Elements sums(false, slow::normals(6 * width, 2));
        Row expected = sums.values();
        for (size_t r = 0; r < 5; ++r)
          for (size_t c = first; c < width - width / 5; ++c)
            expected[static_cast<size_t>(ids[r]) * width + c] += dx[r * width + c];
        k.scatter_add(dx.data(), ids.data(), sums.floats(), 5, signed_size(width),
                      signed_size(first), signed_size(width - width / 5));
        expect_close(sums, expected, 1e-6);
        const Row before = sums.values();
        k.scatter_add(dx.data(), ids.data(), sums.floats(), 0, signed_size(width), 0,
                      signed_size(width));
        EXPECT_EQ(sums.values(), before) << "zero rows";
      }
  });
}

TEST(FlatKernels, AdamwFollowsTheSlowFormula) {
  with_every_table([](const Kernels& k, bool bf16) {
    for (const size_t count : kCounts)
      for (const bool copy : {false, true}) {
        Elements w(false, slow::normals(count, 1)), m(false, count, 0), v(false, count, 0);
        Elements compute(bf16, count, 0);
        Row slow_w = w.values(), slow_m = m.values(), slow_v = v.values();
        for (int step = 1; step <= 3; ++step) {
          Elements g(false, slow::normals(count, 10 + static_cast<uint64_t>(step), 0.01));
          if (count > 0) g.set(0, 0);  // eps alone divides
          const AdamWPass pass{.learning_rate = 0.01f * static_cast<float>(step),
                               .beta1 = 0.9f,
                               .beta2 = 0.99f,
                               .eps = 1e-3f,
                               .weight_decay = 0.2f,
                               .rest1 = 0.1f,
                               .rest2 = 0.01f,
                               .gradient_scale = 0.5f,
                               .bias1 = static_cast<float>(1 - std::pow(0.9, step)),
                               .bias2 = static_cast<float>(1 - std::pow(0.99, step))};
          for (size_t i = 0; i < count; ++i) {
            const double grad = 0.5 * g[i];
            slow_m[i] = 0.9 * slow_m[i] + 0.1 * grad;
            slow_v[i] = 0.99 * slow_v[i] + 0.01 * grad * grad;
            const double first = slow_m[i] / (1 - std::pow(0.9, step)),
                         second = slow_v[i] / (1 - std::pow(0.99, step));
            slow_w[i] -= 0.01 * step * (0.2 * slow_w[i] + first / (std::sqrt(second) + 1e-3));
          }
          k.adamw(w.floats(), g.floats(), m.floats(), v.floats(), copy ? compute.data() : nullptr,
                  signed_size(count), pass);
          expect_close(w, slow_w, 3e-7);
          expect_close(m, slow_m, 3e-7);
          expect_close(v, slow_v, 5e-7);
          EXPECT_EQ(g.values(), Row(count, 0));
          for (size_t i = 0; i < count; ++i)
            ASSERT_EQ(compute[i], copy ? rounded_to(bf16, w[i]) : 0) << i;
        }
      }
  });
}

TEST(FlatKernels, SumSquaresRunsInDouble) {
  with_every_table([](const Kernels& k, bool) {
    for (const size_t count : kCounts)
      for (const double scale : {1.0, 1e25}) {  // whose squares float32 does not hold
        Elements x(false, slow::normals(count, 1, scale));
        const double expected = slow::dot(x.values(), x.values());
        EXPECT_NEAR(k.sum_squares(x.floats(), signed_size(count)), expected, 1e-12 * expected);
      }
  });
}

}  // namespace
}  // namespace lehr::lm
