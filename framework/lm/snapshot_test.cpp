#include "lm/snapshot.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>

namespace lehr::lm {
namespace {

std::vector<float> read(Snapshot& snapshot, const at::Tensor& flat, int64_t begin, int64_t end) {
  std::vector<std::byte> bytes;
  snapshot.read(
      reinterpret_cast<const std::byte*>(flat.const_data_ptr<float>() + begin),
      static_cast<size_t>(end - begin) * sizeof(float),
      [&](const std::byte* data, size_t count) { bytes.insert(bytes.end(), data, data + count); });
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<float> numbers(int64_t begin, int64_t end) {
  std::vector<float> out;
  for (int64_t i = begin; i < end; ++i) out.push_back(static_cast<float>(i));
  return out;
}

// More than one piece of a read, so that a buffer is left in the middle.
constexpr int64_t kSize = 700'000;

TEST(Snapshot, KeepsTheValuesThatWereThereWhenTheBuffersChangeMidway) {
  for (const int64_t read_before : {int64_t{0}, int64_t{300'000}, kSize}) {
    const at::Tensor first = at::arange(kSize, at::kFloat), second = first + 1;
    Snapshot snapshot;
    snapshot.add(first);
    snapshot.add(second);
    std::vector<float> found = read(snapshot, first, 0, read_before);
    snapshot.detach();
    first.fill_(-1);
    second.fill_(-2);
    const std::vector<float> rest = read(snapshot, first, read_before, kSize);
    found.insert(found.end(), rest.begin(), rest.end());
    EXPECT_EQ(found, numbers(0, kSize)) << "left in the middle at " << read_before;
    EXPECT_EQ(read(snapshot, second, 0, kSize), numbers(1, kSize + 1));
  }
}

TEST(Snapshot, LeavesOutGaps) {
  const at::Tensor flat = at::arange(100, at::kFloat);
  Snapshot snapshot;
  snapshot.add(flat);
  EXPECT_EQ(read(snapshot, flat, 0, 10), numbers(0, 10));
  snapshot.detach();
  flat.fill_(-1);
  EXPECT_EQ(read(snapshot, flat, 32, 40), numbers(32, 40));
  EXPECT_EQ(read(snapshot, flat, 99, 100), numbers(99, 100));
}

TEST(Snapshot, RefusesToReadBackwards) {
  const at::Tensor flat = at::arange(100, at::kFloat);
  Snapshot snapshot;
  snapshot.add(flat);
  read(snapshot, flat, 50, 60);
  EXPECT_THROW(read(snapshot, flat, 0, 10), std::logic_error);
}

}  // namespace
}  // namespace lehr::lm
