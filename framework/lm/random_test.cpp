#include "lm/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace lehr::lm {
namespace {

// Known answers of Random123's philox4x32-10: counter 0 and key 0, and the digits-of-pi vector,
// reached by undoing the purpose's place in the counter.
TEST(Random, IsPhilox4x32With10Rounds) {
  const auto purpose = static_cast<uint32_t>(Purpose::kInit) * 0x9E3779B1u;
  const Random zero(0, Purpose::kInit, uint64_t{purpose} << 32);
  EXPECT_EQ(zero.block(0),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const Random pi(0x299f31d0a4093822, Purpose::kInit,
                  (uint64_t{0x03707344u ^ purpose} << 32) | 0x13198a2eu);
  EXPECT_EQ(pi.block(0x85a308d3243f6a88),
            (std::array<uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, KeysSeparateStreams) {
  const uint64_t base = Random(1, Purpose::kInit, 2).bits(3);
  EXPECT_EQ(base, Random(1, Purpose::kInit, 2).bits(3));
  EXPECT_NE(base, Random(2, Purpose::kInit, 2).bits(3));
  EXPECT_NE(base, Random(1, Purpose::kSampling, 2).bits(3));
  EXPECT_NE(base, Random(1, Purpose::kInit, 3).bits(3));
  EXPECT_NE(base, Random(1, Purpose::kInit, 2).bits(4));
}

// 40,000 draws: the mean of a uniform has standard error 0.0014, of a normal 0.005.
TEST(Random, HasTheMomentsItClaims) {
  const Random random(5, Purpose::kNoise);
  double uniform = 0, normal = 0, square = 0;
  constexpr int kDraws = 40000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double u = random.uniform(i), n = random.normal(i);
    ASSERT_TRUE(u >= 0 && u < 1);
    uniform += u;
    normal += n;
    square += n * n;
  }
  EXPECT_NEAR(uniform / kDraws, 0.5, 0.008);
  EXPECT_NEAR(normal / kDraws, 0.0, 0.03);
  EXPECT_NEAR(square / kDraws, 1.0, 0.04);
}

TEST(Random, PermutationHoldsEveryIndexOnce) {
  const Random random(9, Purpose::kDataOrder, 1);
  std::vector<uint64_t> order = random.permutation(1000);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(order[i], i);
}

}  // namespace
}  // namespace lehr::lm
