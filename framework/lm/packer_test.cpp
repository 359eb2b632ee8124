#include "lm/packer.h"

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

namespace lehr::lm {
namespace {

Sequence trunk_of(std::vector<int32_t> ids, std::vector<float> weights) {
  Sequence sequence;
  sequence.trunk = {std::move(ids), std::move(weights)};
  return sequence;
}

TEST(Packer, PredictsWeightedTokensFromTheTokenBefore) {
  Packed row;
  append(row, trunk_of({5, 6, 7, 8}, {1, 0, 1, 0.5}), 3);
  append(row, trunk_of({9, 10}, {0, 1}), 4);
  EXPECT_EQ(row.batch.ids, (std::vector<int32_t>{5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(row.batch.positions, (std::vector<int32_t>{0, 1, 2, 3, 0, 1}));
  // The weight of the first token is without effect: nothing is before it, also not the document
  // before in the row.
  ASSERT_EQ(row.batch.loss_entries.size(), 3u);
  EXPECT_EQ(row.batch.loss_entries[0].row, 1);
  EXPECT_EQ(row.batch.loss_entries[0].target, 7);
  EXPECT_EQ(row.batch.loss_entries[1].weight, 0.5f);
  EXPECT_EQ(row.batch.loss_entries[2].row, 4);
  EXPECT_EQ(row.batch.loss_entries[2].target, 10);
  EXPECT_EQ(row.batch.loss_entries[2].segment, 1);
  ASSERT_EQ(row.owners.size(), 2u);
  EXPECT_EQ(row.owners[1].sequence, 4);
  EXPECT_EQ(row.owners[1].branch, -1);
}

TEST(Packer, BranchesShareTheirTrunkAndStartFromItsLastRow) {
  Sequence pair = trunk_of({1, 2, 3}, {});
  pair.branches = {{{4, 5}, {1, 1}}, {{6}, {1}}};
  EXPECT_EQ(pair.tokens(), 6);
  EXPECT_EQ(pair.length(), 5);
  EXPECT_EQ(pair.loss_tokens(), 3);
  Packed row;
  append(row, trunk_of({9}, {}), 0);
  append(row, pair, 1);
  EXPECT_EQ(row.batch.positions, (std::vector<int32_t>{0, 0, 1, 2, 3, 4, 3}));
  ASSERT_EQ(row.batch.segments.size(), 4u);
  for (const size_t branch : {2u, 3u}) {
    EXPECT_EQ(row.batch.segments[branch].prefix_begin, 1);
    EXPECT_EQ(row.batch.segments[branch].prefix_end, 4);
  }
  ASSERT_EQ(row.batch.loss_entries.size(), 3u);
  EXPECT_EQ(row.batch.loss_entries[0].row, 3);
  EXPECT_EQ(row.batch.loss_entries[1].row, 4);
  EXPECT_EQ(row.batch.loss_entries[2].row, 3);
  EXPECT_EQ(row.batch.loss_entries[2].target, 6);
  EXPECT_EQ(row.batch.loss_entries[2].segment, 3);
  EXPECT_EQ(row.owners[3].branch, 1);
}

TEST(Packer, TruncateCutsAtTheEndAndCounts) {
  Sequence pair = trunk_of({1, 2, 3}, {});
  pair.branches = {{{4, 5, 6}, {1, 1, 1}}, {{7}, {1}}};
  EXPECT_EQ(truncate(pair, 6), 0);
  EXPECT_EQ(truncate(pair, 4), 2);
  EXPECT_EQ(pair.branches[0].ids, (std::vector<int32_t>{4}));
  EXPECT_EQ(pair.branches[0].weights.size(), 1u);
  EXPECT_EQ(pair.branches[1].ids, (std::vector<int32_t>{7}));
  EXPECT_EQ(truncate(pair, 2), 3);
  EXPECT_EQ(pair.trunk.ids, (std::vector<int32_t>{1, 2}));
  EXPECT_TRUE(pair.branches[0].ids.empty());
}

TEST(Packer, RefusesEmptyPartsAndUnequalWeights) {
  Packed row;
  EXPECT_THROW(append(row, trunk_of({}, {}), 0), std::invalid_argument);
  EXPECT_THROW(append(row, trunk_of({1, 2}, {1}), 0), std::invalid_argument);
}

TEST(FirstFitDecreasing, FillsBinsLongestFirst) {
  const std::vector<int64_t> lengths = {2, 5, 4, 7, 1, 3, 8};
  const auto bins = first_fit_decreasing(lengths, 10);
  // 8+2, 7+3, 5+4+1
  const std::vector<std::vector<int32_t>> expected = {{0, 6}, {3, 5}, {1, 2, 4}};
  EXPECT_EQ(bins, expected);
}

TEST(FirstFitDecreasing, KeepsShortSequencesInTheOrderGiven) {
  // Up to 5 of 40 is short: 20 and 30 go first, the rest fills the gaps as it comes.
  const std::vector<int64_t> lengths = {1, 5, 2, 20, 5, 3, 30, 4, 5};
  const auto bins = first_fit_decreasing(lengths, 40);
  const std::vector<std::vector<int32_t>> expected = {{0, 1, 2, 6}, {3, 4, 5, 7, 8}};
  EXPECT_EQ(bins, expected);
}

TEST(FirstFitDecreasing, GivesALengthAboveCapacityItsOwnBin) {
  const std::vector<int64_t> lengths = {1, 12, 3};
  const auto bins = first_fit_decreasing(lengths, 10);
  const std::vector<std::vector<int32_t>> expected = {{1}, {0, 2}};
  EXPECT_EQ(bins, expected);
}

}  // namespace
}  // namespace lehr::lm
