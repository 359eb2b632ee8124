#include "runtime/run/resource_pool.h"

#include <gtest/gtest.h>

namespace lehr::runtime {
namespace {

PlannedStage stage(std::uint32_t threads, std::uint64_t memory = 0, std::uint32_t gpus = 0) {
  PlannedStage out;
  out.threads = threads;
  out.memory = memory;
  out.gpus = gpus;
  return out;
}

using Names = std::vector<std::string>;

TEST(ResourcePool, NeverGivesMoreThanThereIs) {
  ResourcePool pool(4, 100, {});
  const auto first = pool.take(stage(2, 60));
  ASSERT_TRUE(first);
  EXPECT_FALSE(pool.take(stage(3, 10)));  // threads
  EXPECT_FALSE(pool.take(stage(1, 50)));  // memory
  EXPECT_TRUE(pool.has_room());
  EXPECT_TRUE(pool.take(stage(2, 40)));
  EXPECT_FALSE(pool.has_room());
  pool.give_back(*first);
  EXPECT_TRUE(pool.take(stage(2, 60)));
}

TEST(ResourcePool, LetsAStageThatIsTooLargeRunAlone) {
  ResourcePool pool(2, 100, {});
  const auto large = pool.take(stage(8, 500));
  ASSERT_TRUE(large);
  EXPECT_FALSE(pool.take(stage(1)));
  pool.give_back(*large);
  const auto small = pool.take(stage(1));
  ASSERT_TRUE(small);
  EXPECT_FALSE(pool.take(stage(8)));
  EXPECT_FALSE(pool.take(stage(1, 500)));
}

TEST(ResourcePool, HandsOutEveryGpuOnce) {
  ResourcePool pool(8, 100, {"0", "1", "MIG-7"});
  const auto two = pool.take(stage(1, 0, 2));
  ASSERT_TRUE(two);
  EXPECT_EQ(two->gpus, (Names{"0", "1"}));
  EXPECT_FALSE(pool.take(stage(1, 0, 2)));
  const auto one = pool.take(stage(1, 0, 1));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->gpus, Names{"MIG-7"});
  EXPECT_TRUE(pool.take(stage(1))->gpus.empty());
  pool.give_back(*two);
  EXPECT_EQ(pool.take(stage(1, 0, 2))->gpus, (Names{"0", "1"}));
}

TEST(ResourcePool, NeverLendsAGpuThatIsNotThere) {
  ResourcePool pool(8, 100, {"0"});
  EXPECT_FALSE(pool.take(stage(1, 0, 2)));  // not even alone
}

}  // namespace
}  // namespace lehr::runtime
