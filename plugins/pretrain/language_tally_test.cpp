#include "language_tally.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lehr::plugins::pretrain {
namespace {

TEST(LanguageTally, SpecialTokensCountInTheLossButNotInBitsPerByte) {
  const std::vector<std::uint32_t> byte_lengths = {3, 1, 0};
  const std::vector<lm::LossEntry> entries = {{0, 0, 1, 0}, {1, 1, 1, 0}, {2, 2, 1, 0}};
  const float nll[] = {2.0f, 1.0f, 6.0f};
  LanguageTally tally(byte_lengths);
  tally.add(entries, nll);
  EXPECT_EQ(tally.targets(), 3);
  EXPECT_DOUBLE_EQ(tally.loss(), 3.0);
  EXPECT_DOUBLE_EQ(tally.bits_per_byte(), 3.0 / (std::log(2.0) * 4.0));
}

TEST(LanguageTally, AUniformModelOverBytesNeedsEightBits) {
  const std::vector<std::uint32_t> byte_lengths(256, 1);
  const std::vector<lm::LossEntry> entries = {{0, 10, 1, 0}, {1, 200, 1, 0}};
  const auto uniform = static_cast<float>(std::log(256.0));
  const float nll[] = {uniform, uniform};
  LanguageTally tally(byte_lengths);
  tally.add(entries, nll);
  EXPECT_NEAR(tally.bits_per_byte(), 8.0, 1e-6);
}

TEST(LanguageTally, CountsATargetAsOftenAsItsWeightSays) {
  const std::vector<std::uint32_t> byte_lengths = {3, 1, 0};
  const std::vector<lm::LossEntry> entries = {{0, 0, 2, 0}, {1, 1, 0, 0}, {2, 2, 1, 0}};
  const float nll[] = {2.0f, 1.0f, 6.0f};
  LanguageTally tally(byte_lengths);
  tally.add(entries, nll);
  EXPECT_DOUBLE_EQ(tally.loss(), 10.0 / 3);
  EXPECT_DOUBLE_EQ(tally.bits_per_byte(), 4.0 / (std::log(2.0) * 6.0));
}

TEST(LanguageTally, IsZeroWithoutTargets) {
  const std::vector<std::uint32_t> byte_lengths = {1};
  EXPECT_EQ(LanguageTally(byte_lengths).loss(), 0.0);
  EXPECT_EQ(LanguageTally(byte_lengths).bits_per_byte(), 0.0);
}

}  // namespace
}  // namespace lehr::plugins::pretrain
