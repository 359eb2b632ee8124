#include "text/page_buffer.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "text/spare_blocks.h"

namespace lehr::text {
namespace {

std::string_view view(const PageBuffer& buffer) { return {buffer.data(), buffer.size()}; }

TEST(PageBuffer, KeepsWhatWasThereWhenItGrowsAndIsCopied) {
  PageBuffer buffer;
  EXPECT_EQ(buffer.size(), 0u);
  std::string expected;
  for (const std::size_t size : {10u, 1000u, 3u << 20, 5u << 20, 100u}) {
    const std::size_t before = std::min(buffer.size(), size);
    buffer.resize(size);
    std::fill(buffer.begin() + before, buffer.end(), static_cast<char>('a' + size % 26));
    expected.resize(before);
    expected.resize(size, static_cast<char>('a' + size % 26));
    ASSERT_TRUE(view(buffer) == expected) << size;
  }
  PageBuffer copy = buffer;
  copy.data()[0] = '!';
  EXPECT_TRUE(view(buffer) == expected);
  buffer = std::move(copy);
  EXPECT_EQ(buffer.data()[0], '!');
  EXPECT_TRUE(view(buffer).substr(1) == expected.substr(1));
}

TEST(SpareBlocks, GiveOutFirstWhatWasPutBackLast) {
  int made = 0;
  SpareBlocks<int> spare(3, [&] { return std::make_unique<int>(made++); });
  int* const first = spare.take();
  int* const second = spare.take();
  ASSERT_NE(spare.take(), nullptr);
  EXPECT_EQ(spare.take(), nullptr);
  spare.put_back(first);
  spare.put_back(second);
  EXPECT_EQ(spare.take(), second);
  EXPECT_EQ(spare.take(), first);
}

}  // namespace
}  // namespace lehr::text
