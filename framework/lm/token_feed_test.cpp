#include "lm/token_feed.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "lm/fake_host.h"
#include "lm/random.h"

namespace lehr::lm {
namespace {

// Documents whose token ids name document and place: 100 * document + place; document lengths vary
// from 1 to 40. Two shards.
class TokenFeedTest : public testing::Test {
 protected:
  void SetUp() override {
    text::TokenShardWriter writer(host_.root, "train", 60000, 400);
    const Random random(1, Purpose::kUser);
    for (uint32_t d = 0; d < 50; ++d) {
      std::vector<text::TokenId> ids;
      for (uint32_t i = 0; i < 1 + random.below(d, 40); ++i) ids.push_back(100 * d + i);
      targets_ += static_cast<int64_t>(ids.size()) - 1;
      writer.add(ids, ids.size());
    }
    text::write_tokens_json(host_.root, 60000, writer.finish(), {});
    shards_.emplace(host_.root, "train");
    options_.row_tokens = 64;
    options_.rows_per_step = 2;
    options_.context = 16;
    options_.seed = 9;
  }

  lehr_context host_;
  std::optional<text::TokenShards> shards_;
  TokenFeedOptions options_;
  int64_t targets_ = 0;
};

TEST_F(TokenFeedTest, PredictsEveryTokenButTheFirstOfADocumentOncePerEpoch) {
  TokenFeed feed(*shards_, options_);
  EXPECT_EQ(feed.targets_per_epoch(), targets_);
  std::map<int32_t, int> seen;
  int64_t left = 2 * targets_;
  for (int64_t k = 0; left > 0; ++k)
    for (const PackedBatch& row : feed.step(k))
      for (const LossEntry& entry : row.loss_entries)
        if (left-- > 0) ++seen[entry.target];
  EXPECT_EQ(static_cast<int64_t>(seen.size()), targets_);
  for (const auto& [id, times] : seen) {
    EXPECT_EQ(times, 2) << id;
    EXPECT_NE(id % 100, 0) << "the first token of a document has nothing to be predicted from";
  }
}

TEST_F(TokenFeedTest, GivesEveryTargetTheWeightOfItsDocument) {
  for (int d = 0; d < 50; ++d) options_.weights.push_back(0.25f * static_cast<float>(d));
  TokenFeed feed(*shards_, options_);
  for (const PackedBatch& row : feed.step(3))
    for (const LossEntry& entry : row.loss_entries)
      EXPECT_EQ(entry.weight, 0.25f * static_cast<float>(entry.target / 100));
  options_.weights.pop_back();
  EXPECT_THROW(TokenFeed(*shards_, options_), std::invalid_argument);
}

// 2^31 zeros, which are not on disk, and a document whose place the shuffle decides: the first step
// of the epoch or the last two.
TEST_F(TokenFeedTest, GoesOnBeyondAsManyTokensAsAnIntCounts) {
  const lehr_context host;
  const uint64_t many = uint64_t{1} << 31, ends[] = {many, many + 10};
  text::write_tokens_json(host.root, 300, {many + 10, 2, many}, {});
  std::ofstream(host.root / "train-00000.idx", std::ios::binary)
      .write(reinterpret_cast<const char*>(ends), sizeof ends);
  std::ofstream bin(host.root / "train-00000.bin", std::ios::binary);
  bin.seekp(static_cast<std::streamoff>(2 * many));
  for (uint16_t id = 100; id < 110; ++id) bin.write(reinterpret_cast<const char*>(&id), sizeof id);
  bin.close();
  const text::TokenShards shards(host.root, "train");
  TokenFeed feed(shards, options_);
  ASSERT_EQ(feed.targets_per_epoch(), static_cast<int64_t>(many) - 1 + 9);
  const int64_t steps = feed.targets_per_epoch() / feed.tokens_per_step();
  std::vector<int32_t> found;
  for (const int64_t k : {int64_t{0}, steps - 1, steps}) {
    int64_t left = feed.targets_per_epoch() - k * feed.tokens_per_step();  // of this epoch
    for (const PackedBatch& row : feed.step(k))
      for (const LossEntry& entry : row.loss_entries)
        if (left-- > 0 && entry.target != 0) found.push_back(entry.target);
  }
  EXPECT_EQ(found, (std::vector<int32_t>{101, 102, 103, 104, 105, 106, 107, 108, 109}));
}

TEST_F(TokenFeedTest, RowsHaveOneShapeAndSegmentsStayInOneDocument) {
  TokenFeed feed(*shards_, options_);
  for (int64_t k = 0; k < feed.steps_in_epochs(3); ++k) {
    const auto rows = feed.step(k);
    ASSERT_EQ(rows.size(), 2u);
    for (const PackedBatch& row : rows) {
      EXPECT_EQ(row.size(), 64);
      EXPECT_EQ(row.loss_entries.size(), 64u);
      EXPECT_NO_THROW(check_batch(row, 60000, 16));
      for (const Segment& s : row.segments)
        for (int32_t i = s.begin; i < s.end; ++i) {
          const auto at = static_cast<size_t>(i);
          EXPECT_EQ(row.ids[at], row.ids[static_cast<size_t>(s.begin)] + i - s.begin);
          EXPECT_EQ(row.loss_entries[at].row, i);
          EXPECT_EQ(row.loss_entries[at].target, row.ids[at] + 1);
        }
    }
  }
}

TEST_F(TokenFeedTest, StepIsAFunctionOfItsNumberAlone) {
  TokenFeed forward(*shards_, options_), random_access(*shards_, options_);
  std::vector<std::vector<int32_t>> ids;
  const int64_t steps = forward.steps_in_epochs(3);
  for (int64_t k = 0; k < steps; ++k) ids.push_back(forward.step(k)[1].ids);
  for (const int64_t k : {steps - 1, int64_t{2}, steps / 2})
    EXPECT_EQ(random_access.step(k)[1].ids, ids[static_cast<size_t>(k)]) << k;
}

TEST_F(TokenFeedTest, EvaluationTakesDocumentsInOrderUpToItsLimit) {
  const TokenFeed feed(*shards_, options_);
  int64_t total = 0;
  int32_t last = -1;
  feed.for_each_row(1 << 30, [&](const PackedBatch& row) {
    for (const LossEntry& entry : row.loss_entries) {
      EXPECT_GT(entry.target, last);
      last = entry.target;
      ++total;
    }
  });
  EXPECT_EQ(total, targets_);
  int rows = 0;
  feed.for_each_row(65, [&](const PackedBatch&) { ++rows; });
  EXPECT_EQ(rows, 2);
}

TEST_F(TokenFeedTest, HoldsFewBytesForADocument) {
  constexpr uint64_t kDocuments = 1 << 18, kLength = 3;
  const lehr_context host;
  std::vector<uint64_t> ends(kDocuments);
  for (uint64_t d = 0; d < kDocuments; ++d) ends[d] = (d + 1) * kLength;
  text::write_tokens_json(host.root, 300, {ends.back(), kDocuments, ends.back()}, {});
  std::ofstream(host.root / "train-00000.idx", std::ios::binary)
      .write(reinterpret_cast<const char*>(ends.data()), kDocuments * sizeof(uint64_t));
  std::ofstream(host.root / "train-00000.bin");
  std::filesystem::resize_file(host.root / "train-00000.bin", 2 * ends.back());
  const text::TokenShards shards(host.root, "train");
  const auto held = [] {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const size_t before = held();
  TokenFeed feed(shards, options_);
  feed.step(0);
  EXPECT_LT(held() - before, 5 * kDocuments);
}

TEST_F(TokenFeedTest, LongestDocumentIsCountedInTargets) {
  const std::filesystem::path folder = host_.root / "three";
  std::filesystem::create_directory(folder);
  text::TokenShardWriter writer(folder, "train", 300);
  for (const size_t length : {3, 9, 5}) writer.add(std::vector<text::TokenId>(length, 7), length);
  text::write_tokens_json(folder, 300, writer.finish(), {});
  EXPECT_EQ(longest_document(text::TokenShards(folder, "train")), 8);
  EXPECT_EQ(longest_document(text::TokenShards(folder, "eval")), 0) << "there is none";
}

TEST_F(TokenFeedTest, RefusesACorpusWithoutTargets) {
  const std::filesystem::path folder = host_.root / "single";
  std::filesystem::create_directory(folder);
  text::TokenShardWriter writer(folder, "train", 300);
  writer.add(std::vector<text::TokenId>{7}, 1);
  text::write_tokens_json(folder, 300, writer.finish(), {});
  const text::TokenShards single(folder, "train");
  EXPECT_THROW(TokenFeed(single, options_), std::invalid_argument);
}

}  // namespace
}  // namespace lehr::lm
