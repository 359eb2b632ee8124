#include "lm/sequence_file.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include "lm/random.h"
#include "lm/stored_sequences_test.h"

namespace lehr::lm {
namespace {

Branch part(uint64_t number, const std::vector<float>& weights) {
  const Random random(1, Purpose::kUser, number);
  Branch part;
  for (uint64_t i = 0; i < 5 + number % 7; ++i) {
    part.ids.push_back(static_cast<int32_t>(random.below(i, 1u << 31)));
    if (!weights.empty()) part.weights.push_back(weights[i * weights.size() / 12]);
  }
  return part;
}

// Trunks alone, pairs, parts without weights and empty ones.
Sequence sequence(uint64_t number) {
  Sequence sequence{part(number, {0, 0.5f, 1}), {}};
  if (number % 3 == 1) sequence.branches = {part(number + 1, {1}), part(number + 2, {0, 1})};
  if (number % 3 == 2) sequence.branches = {part(number + 1, {}), {}};
  return sequence;
}

void expect_equal(const Branch& a, const Branch& b) {
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.weights, b.weights);
}

TEST(SequenceFile, GivesBackWhatItTookWhereverThatLies) {
  constexpr uint64_t kCount = 10000;  // more than are kept in memory before they are written
  SequenceFile file(testing::TempDir());
  int64_t tokens = 0, loss_tokens = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    file.add(sequence(i));
    tokens += sequence(i).tokens();
    loss_tokens += sequence(i).loss_tokens();
  }
  ASSERT_EQ(file.size(), kCount);
  EXPECT_EQ(file.tokens(), tokens);
  EXPECT_EQ(file.loss_tokens(), loss_tokens);
  for (uint64_t i = kCount; i-- > 0;) {
    const Sequence expected = sequence(i), found = file.read(i);
    EXPECT_EQ(file.tokens(i), expected.tokens());
    expect_equal(found.trunk, expected.trunk);
    ASSERT_EQ(found.branches.size(), expected.branches.size());
    for (size_t b = 0; b < found.branches.size(); ++b)
      expect_equal(found.branches[b], expected.branches[b]);
  }
}

TEST(SequenceFile, HoldsNextToNothingOfItsTokensInMemory) {
  const Sequence conversation{{std::vector<int32_t>(2000, 1), std::vector<float>(2000, 1)}, {}};
  const auto held = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const size_t before = held();
  SequenceFile file(testing::TempDir());
  for (int i = 0; i < 2000; ++i) file.add(conversation);
  EXPECT_EQ(file.tokens(), 4'000'000);
  EXPECT_LT(held() - before, 1'000'000u) << "16 MB of ids";
}

TEST(SequenceFile, CountsEveryCopy) {
  SequenceFile file(testing::TempDir());
  file.add(sequence(1), 3);
  file.add(sequence(2), 0);
  file.add(sequence(3));
  ASSERT_EQ(file.size(), 4u);
  EXPECT_EQ(file.tokens(), 3 * sequence(1).tokens() + sequence(3).tokens());
  expect_equal(file.read(2).trunk, sequence(1).trunk);
  expect_equal(file.read(3).trunk, sequence(3).trunk);
}

TEST(SequenceFile, TakesTheFirstOnesWholeUpToSoManyTokens) {
  const auto taken = [](std::optional<int64_t> most_tokens) {
    SequenceFile file(testing::TempDir(), most_tokens);
    for (const std::vector<int32_t>& ids : {std::vector{1, 2, 3}, {4, 5}, {6}})
      file.add({{ids, {}}, {}});
    return file.size();
  };
  EXPECT_EQ(taken({}), 3u);
  EXPECT_EQ(taken(6), 3u);
  EXPECT_EQ(taken(5), 2u);
  EXPECT_EQ(taken(4), 1u) << "none after one that is left out";
  EXPECT_EQ(taken(1), 1u) << "at least one";
}

}  // namespace
}  // namespace lehr::lm
