#include "lm/sequence_feed.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

#include "lm/random.h"
#include "lm/stored_sequences_test.h"

namespace lehr::lm {
namespace {

// Sequence i repeats the id i, so that owners can be told from ids.
SequenceFile stored_of(int count) {
  const Random random(1, Purpose::kUser);
  std::vector<Sequence> sequences;
  for (int i = 0; i < count; ++i) {
    const auto length = 2 + random.below(static_cast<uint64_t>(i), 60);
    Sequence s;
    s.trunk.ids.assign(length, i);
    s.trunk.weights.assign(length, 1.0f);
    sequences.push_back(std::move(s));
  }
  return stored(sequences);
}

SequenceFeedOptions small() {
  SequenceFeedOptions options;
  options.row_tokens = 128;
  options.step_tokens = 256;
  options.window = 20;
  options.seed = 7;
  return options;
}

TEST(SequenceFeed, GivesEverySequenceOncePerEpochAcrossWindows) {
  SequenceFeed feed(stored_of(100), small());
  const int64_t steps = feed.steps_in_epochs(2);
  std::map<std::pair<int64_t, int32_t>, int> seen;
  for (int64_t k = 0; k < steps; ++k)
    for (const Packed& row : feed.step(k)) {
      EXPECT_LE(row.batch.size(), 128);
      for (const SegmentOwner& owner : row.owners) ++seen[{feed.epoch_of(k), owner.sequence}];
    }
  EXPECT_EQ(seen.size(), 200u);
  for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key.first << " " << key.second;
}

TEST(SequenceFeed, FillsRowsAboveNineTenthsByCarryingTheEmptiest) {
  SequenceFeed feed(stored_of(400), small());
  const int64_t steps = feed.steps_in_epochs(1);
  int64_t rows = 0;
  for (int64_t k = 0; k < steps; ++k) rows += static_cast<int64_t>(feed.step(k).size());
  EXPECT_GT(static_cast<double>(feed.tokens_per_epoch()), 0.9 * 128 * static_cast<double>(rows));
}

// Tokens of every step of the first epoch.
std::vector<int64_t> tokens_of_steps(SequenceFeed& feed) {
  std::vector<int64_t> tokens;
  for (int64_t k = 0, steps = feed.steps_in_epochs(1); k < steps; ++k) {
    tokens.push_back(0);
    for (const Packed& row : feed.step(k)) tokens.back() += row.batch.size();
  }
  return tokens;
}

TEST(SequenceFeed, FillsAStepOfAnySizeHoweverFewSequencesAWindowHas) {
  for (const int64_t row : {int64_t{512}, int64_t{4096}, int64_t{30000}})
    for (const int64_t step : {row, 3 * row, 3 * row - 500}) {
      SequenceFeedOptions options = small();  // 20 sequences of 31.5 tokens
      options.row_tokens = row;
      options.step_tokens = step;
      SequenceFeed feed(stored_of(6000), options);
      const std::vector<int64_t> tokens = tokens_of_steps(feed);
      ASSERT_GE(tokens.size(), 3u);
      for (size_t k = 0; k < tokens.size(); ++k) {
        EXPECT_LE(tokens[k], step + 2) << "rows of a step are of one capacity, rounded up";
        if (k + 1 == tokens.size()) break;  // what is left of the epoch
        EXPECT_GT(tokens[k], step - 61 * (step / row + 1))
            << "step " << k << ": a row of " << row << " had room for any sequence";
      }
    }
}

TEST(SequenceFeed, GivesAStepFewerRowsWhereASequenceMakesThemLonger) {
  SequenceFeedOptions options = small();
  options.row_tokens = 16;
  options.step_tokens = 128;
  SequenceFeed feed(stored_of(100), options);  // up to 61 tokens
  for (const int64_t tokens : tokens_of_steps(feed)) EXPECT_LE(tokens, 3 * 61);
}

uint64_t digest_of_two_epochs(const SequenceFeedOptions& options) {
  SequenceFeed feed(stored_of(300), options);
  uint64_t digest = 14695981039346656037u;  // FNV-1a
  const auto add = [&](uint32_t value) { digest = (digest ^ value) * 1099511628211u; };
  for (int64_t k = 0, steps = feed.steps_in_epochs(2); k < steps; ++k)
    for (const Packed& row : feed.step(k)) {
      for (const SegmentOwner& owner : row.owners) add(static_cast<uint32_t>(owner.sequence));
      add(0xffff);
    }
  return digest;
}

// The digests are those of windows that never took more: results of pipelines stay what they were
// where a window fills rows, and where it is not to fill them.
TEST(SequenceFeed, PacksAsItAlwaysDidUnlessAWindowHasToGoOn) {
  SequenceFeedOptions options = small();  // a window has about 630 tokens
  options.row_tokens = 512;
  options.step_tokens = 1024;
  EXPECT_EQ(digest_of_two_epochs(options), 0xe2f1857c1e854531u);
  options.row_tokens = options.step_tokens = 2048;
  options.fill = false;
  EXPECT_EQ(digest_of_two_epochs(options), 0x2e5de163badc373bu);
  options.fill = true;
  EXPECT_NE(digest_of_two_epochs(options), 0x2e5de163badc373bu);
}

TEST(SequenceFeed, StepIsAFunctionOfItsNumberAlone) {
  SequenceFeed forward(stored_of(100), small()), random_access(stored_of(100), small());
  const int64_t steps = forward.steps_in_epochs(3);
  std::vector<std::vector<int32_t>> ids;
  for (int64_t k = 0; k < steps; ++k) {
    ids.emplace_back();
    for (const Packed& row : forward.step(k))
      ids.back().insert(ids.back().end(), row.batch.ids.begin(), row.batch.ids.end());
  }
  for (const int64_t k : {steps - 1, int64_t{3}, steps / 2, int64_t{0}}) {
    std::vector<int32_t> again;
    for (const Packed& row : random_access.step(k))
      again.insert(again.end(), row.batch.ids.begin(), row.batch.ids.end());
    EXPECT_EQ(again, ids[static_cast<size_t>(k)]) << "step " << k;
  }
  EXPECT_NE(ids[0], ids[static_cast<size_t>(forward.steps_in_epochs(1))]) << "epochs differ";
}

TEST(SequenceFeed, GivesEverySequenceOnceForEvaluation) {
  SequenceFeed feed(stored_of(50), small());
  std::set<int32_t> seen;
  int64_t entries = 0;
  feed.for_each_row([&](const Packed& row) {
    for (const SegmentOwner& owner : row.owners) EXPECT_TRUE(seen.insert(owner.sequence).second);
    entries += static_cast<int64_t>(row.batch.loss_entries.size());
  });
  EXPECT_EQ(seen.size(), 50u);
  EXPECT_EQ(entries, feed.loss_tokens_per_epoch());
}

TEST(SequenceFeed, KnowsItsLongestRow) {
  for (const int count : {3, 100}) {  // three do not fill a row
    SequenceFeed feed(stored_of(count), small());
    int64_t longest = 0;
    for (int64_t k = 0, steps = feed.steps_in_epochs(1); k < steps; ++k)
      for (const Packed& row : feed.step(k)) longest = std::max(longest, row.batch.size());
    EXPECT_EQ(feed.longest_row(), longest) << count << " sequences";
  }
}

TEST(SequenceFeed, RaisesARowToTheLongestSequence) {
  SequenceFeedOptions options = small();
  options.row_tokens = 16;
  SequenceFeed feed(stored_of(30), options);
  size_t seen = 0;
  feed.for_each_row([&](const Packed& row) { seen += row.owners.size(); });
  EXPECT_EQ(seen, 30u);
}

}  // namespace
}  // namespace lehr::lm
