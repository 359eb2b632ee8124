#include "seen_keys.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "exact_dedup.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;

TEST(SeenKeys, KnowWhatWasAddedInNearlyTheBytesTheyPromise) {
  std::mt19937_64 random(1);
  SeenKeys<TextHash> seen(kPlenty, testing::TempDir());
  std::set<std::pair<std::uint64_t, std::uint64_t>> expected;
  for (int i = 0; i < 200000; ++i) {
    TextHash hash{random() % 4, random() % 4 << 60 | random() % 20000};
    if (i % 3) hash = {random(), random()};
    EXPECT_EQ(seen.contains(hash), expected.count({hash.high, hash.low}) == 1);
    EXPECT_EQ(seen.add(hash), expected.emplace(hash.high, hash.low).second);
  }
  EXPECT_TRUE(seen.add({0, 0}) || expected.count({0, 0}) == 1);
  EXPECT_FALSE(seen.add({0, 0}));
  SeenKeys<TextHash> even(kPlenty, testing::TempDir());
  for (int i = 0; i < 1000000; ++i) even.add({random(), random()});
  EXPECT_EQ(even.size(), 1000000u);
  EXPECT_LE(even.memory_bytes(), 31u * 1000000);
  EXPECT_GE(even.memory_bytes(), 20u * 1000000);
  EXPECT_FALSE(even.spilled());
}

// Half of what is asked for was added before, at any distance.
TEST(SeenKeys, KnowWhatWentToDiskToo) {
  std::mt19937_64 random(2);
  SeenKeys<TextHash> seen(1 << 20, testing::TempDir());
  std::vector<TextHash> added;
  for (int i = 0; i < 1000000; ++i) {
    if (i % 2 == 0) {
      const TextHash hash{random(), random()};
      ASSERT_FALSE(seen.contains(hash));
      ASSERT_TRUE(seen.add(hash));
      added.push_back(hash);
    } else {
      const TextHash hash = added[random() % added.size()];
      ASSERT_TRUE(seen.contains(hash));
      ASSERT_FALSE(seen.add(hash));
    }
    ASSERT_LE(seen.memory_bytes(), 1u << 20) << i;
  }
  EXPECT_TRUE(seen.spilled());
  EXPECT_EQ(seen.size(), added.size());
}

TEST(SeenKeys, TellKeysOfOnePlaceApartOnDisk) {
  std::mt19937_64 random(3);
  SeenKeys<TextHash> seen(1 << 20, testing::TempDir());
  EXPECT_TRUE(seen.add({0, 0}));
  for (std::uint64_t low = 2; low < 3000; ++low) EXPECT_TRUE(seen.add({low, 42}));
  while (!seen.spilled()) seen.add({random(), random()});
  EXPECT_FALSE(seen.add({0, 0}));
  for (std::uint64_t low = 2; low < 3000; ++low) EXPECT_FALSE(seen.add({low, 42}));
  EXPECT_TRUE(seen.add({3000, 42}));
}

}  // namespace
}  // namespace lehr::plugins::filter
