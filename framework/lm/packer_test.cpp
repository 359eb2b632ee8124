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

TEST(Packer, OnlyOneBranchGivesTheRowOfSequencesThatHaveNoOther) {
  Packed row, expected[2];
  for (int32_t number = 0; number < 3; ++number) {
    Sequence pair = trunk_of({1, 2 + number, 3}, {0, 1, 0});
    pair.branches = {{{4, 5}, {1, 0}}, {{6, 7 + number, 8}, {1, 0, 1}}};
    append(row, pair, number);
    for (const int32_t branch : {0, 1}) {
      const Sequence alone{pair.trunk, {pair.branches[static_cast<size_t>(branch)]}};
      append(expected[branch], alone, number);
    }
  }
  for (const int32_t branch : {0, 1}) {
    const Packed found = only_branch(row, branch);
    const PackedBatch &a = found.batch, &b = expected[branch].batch;
    EXPECT_EQ(a.ids, b.ids);
    EXPECT_EQ(a.positions, b.positions);
    ASSERT_EQ(a.segments.size(), b.segments.size());
    for (size_t s = 0; s < a.segments.size(); ++s) {
      EXPECT_EQ(a.segments[s].begin, b.segments[s].begin);
      EXPECT_EQ(a.segments[s].end, b.segments[s].end);
      EXPECT_EQ(a.segments[s].prefix_begin, b.segments[s].prefix_begin);
      EXPECT_EQ(a.segments[s].prefix_end, b.segments[s].prefix_end);
      EXPECT_EQ(found.owners[s].sequence, expected[branch].owners[s].sequence);
      EXPECT_EQ(found.owners[s].branch, s % 2 == 0 ? -1 : branch);
    }
    ASSERT_EQ(a.loss_entries.size(), b.loss_entries.size());
    for (size_t e = 0; e < a.loss_entries.size(); ++e) {
      EXPECT_EQ(a.loss_entries[e].row, b.loss_entries[e].row);
      EXPECT_EQ(a.loss_entries[e].target, b.loss_entries[e].target);
      EXPECT_EQ(a.loss_entries[e].segment, b.loss_entries[e].segment);
    }
  }
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
