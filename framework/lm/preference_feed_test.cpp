#include "lm/preference_feed.h"

#include <gtest/gtest.h>

namespace lehr::lm {
namespace {

// Pairs of 25 tokens, as short as those of a quickstart.
SequenceFile short_pairs(int64_t count) {
  Sequence pair;
  pair.trunk.ids.assign(15, 1);
  pair.branches = {{std::vector<int32_t>(4, 2), {}}, {std::vector<int32_t>(6, 3), {}}};
  SequenceFile file(testing::TempDir());
  file.add(pair, count);
  return file;
}

int64_t tokens_of_first_step(int64_t batch_tokens, int64_t micro_batch_tokens) {
  SequenceFeed feed(short_pairs(6000), pair_packing(micro_batch_tokens, batch_tokens, 7));
  int64_t tokens = 0;
  for (const Packed& row : feed.step(0)) tokens += row.batch.size();
  return tokens;
}

TEST(PairPacking, GivesALargeUpdateWhatItAsksForHoweverShortItsPairsAre) {
  for (const int64_t micro : {2048, 16384, 65536})
    EXPECT_GT(tokens_of_first_step(65536, micro), 65536 - 25 * 32) << "rows of " << micro;
}

// Figures in pipelines/README.md were measured with these.
TEST(PairPacking, TakesSixtyFourPairsIntoARowOfASmallUpdate) {
  EXPECT_EQ(tokens_of_first_step(2048, 2048), 64 * 25);
  EXPECT_EQ(tokens_of_first_step(4096, 2048), 2 * 64 * 25);
}

}  // namespace
}  // namespace lehr::lm
