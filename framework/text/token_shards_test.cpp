#include "text/token_shards.h"

#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace lehr::text {
namespace {

namespace fs = std::filesystem;

class TokenShardsTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  TokenShardsTest() : folder_(fs::path(::testing::TempDir()) / "token_shards") {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  fs::path folder_;
};

TEST_P(TokenShardsTest, GiveBackDocumentsAcrossShards) {
  const std::size_t vocab_size = GetParam();
  std::mt19937 random(3);
  std::vector<TokenId> all;
  std::vector<std::uint64_t> ends;
  TokenShardWriter writer(folder_, "train", vocab_size, 50);
  for (int d = 0; d < 40; ++d) {
    std::vector<TokenId> ids(1 + random() % 30);
    for (auto& id : ids) id = static_cast<TokenId>(random() % vocab_size);
    writer.add(ids, 10);
    all.insert(all.end(), ids.begin(), ids.end());
    ends.push_back(all.size());
  }
  const SplitTotals totals = writer.finish();
  write_tokens_json(folder_, vocab_size, totals, {});
  ASSERT_TRUE(fs::exists(folder_ / "train-00005.bin"));

  const TokenShards shards(folder_, "train");
  ASSERT_EQ(shards.tokens(), all.size());
  ASSERT_EQ(shards.documents(), ends.size());
  EXPECT_EQ(totals.bytes, 400u);
  std::vector<TokenId> read(all.size());
  shards.read(0, std::span(read));
  EXPECT_EQ(read, all);
  std::vector<std::int64_t> middle(77);
  shards.read(13, std::span(middle));
  EXPECT_TRUE(std::equal(middle.begin(), middle.end(), all.begin() + 13));
  for (std::size_t d = 0; d < ends.size(); ++d) {
    EXPECT_EQ(shards.document_end(d), ends[d]);
    EXPECT_EQ(shards.document_of(ends[d] - 1), d);
    if (d > 0) {
      EXPECT_EQ(shards.document_of(ends[d - 1]), d);
    }
  }
  EXPECT_THROW(shards.read(all.size() - 76, std::span(middle)), std::out_of_range);
  EXPECT_EQ(TokenShards(folder_, "eval").tokens(), 0u);
}

// Whatever came into the files behind the place where it goes on.
TEST_P(TokenShardsTest, AreTheSameFilesWhenWritingStopsAndGoesOn) {
  const std::size_t vocab_size = GetParam();
  const auto document = [&](std::size_t number) {
    std::vector<TokenId> ids(1 + number % 7);
    for (auto& id : ids) id = static_cast<TokenId>(number * 31 % vocab_size);
    return ids;
  };
  const auto add = [&](TokenShardWriter& writer, std::size_t begin, std::size_t end) {
    for (std::size_t d = begin; d < end; ++d) writer.add(document(d), d);
  };
  const auto files = [&](const fs::path& folder) {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::directory_iterator(folder)) {
      std::ifstream in(entry.path(), std::ios::binary);
      out[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return out;
  };
  fs::create_directories(folder_ / "whole");
  TokenShardWriter whole(folder_ / "whole", "train", vocab_size, 20);
  add(whole, 0, 60);
  const SplitTotals totals = whole.finish();
  const auto expected = files(folder_ / "whole");
  ASSERT_GT(expected.size(), 10u);

  fs::create_directories(folder_ / "again");
  SplitPosition position;
  for (std::size_t stop = 0; stop < 60; ++stop) {
    TokenShardWriter writer(folder_ / "again", "train", vocab_size, 20, position);
    add(writer, stop, stop + 1);
    position = writer.position();
    add(writer, stop + 1, stop + 2);  // lost, unless it filled the shard
    const std::size_t known = position.shard + (position.documents > 0);
    for (const auto& entry : fs::directory_iterator(folder_ / "again"))
      if (std::stoul(entry.path().stem().string().substr(6)) >= known)
        fs::remove(entry.path());  // as the host does with files that a state does not know
  }
  TokenShardWriter last(folder_ / "again", "train", vocab_size, 20, position);
  const SplitTotals again = last.finish();
  EXPECT_EQ(files(folder_ / "again"), expected);
  EXPECT_EQ(again.documents, totals.documents);
  EXPECT_EQ(again.tokens, totals.tokens);
  EXPECT_EQ(again.bytes, totals.bytes);
}

INSTANTIATE_TEST_SUITE_P(Widths, TokenShardsTest, ::testing::Values(300, 65536, 65537, 1 << 20));

TEST_F(TokenShardsTest, RefuseAFileThatDoesNotFitItsIndex) {
  TokenShardWriter writer(folder_, "train", 300);
  writer.add(std::vector<TokenId>{1, 2, 3}, 3);
  EXPECT_THROW(writer.add(std::vector<TokenId>{300}, 1), std::out_of_range);
  write_tokens_json(folder_, 300, writer.finish(), {});
  std::ofstream(folder_ / "train-00000.bin", std::ios::app | std::ios::binary) << "xx";
  EXPECT_THROW(TokenShards(folder_, "train"), std::runtime_error);
}

TEST_F(TokenShardsTest, RefuseAnIdBeyondTheVocabularyWhereverItStands) {
  for (const std::size_t place : {0, 1, 63, 64, 127, 128, 129}) {
    for (const TokenId wrong : {300u, 301u, 0x7FFFFFFFu, 0x80000000u, 0x8000012Cu, 0xFFFFFFFFu}) {
      std::vector<TokenId> ids(130, 299);
      TokenShardWriter(folder_, "train", 300).add(ids, 1);
      ids[place] = wrong;
      EXPECT_THROW(TokenShardWriter(folder_, "train", 300).add(ids, 1), std::out_of_range)
          << wrong << " at " << place;
    }
    std::vector<std::uint16_t> narrow(130, 299);
    narrow[place] = 300;
    const std::size_t end = narrow.size();
    EXPECT_THROW(TokenShardWriter(folder_, "train", 300)
                     .add(std::span<const std::uint16_t>(narrow), std::span(&end, 1), 1),
                 std::out_of_range);
  }
}

TEST_F(TokenShardsTest, RefuseAnIndexThatGoesBackOrBeyond) {
  for (const std::uint64_t wrong : {std::uint64_t{5}, ~std::uint64_t{0}}) {
    TokenShardWriter writer(folder_, "train", 300);
    for (int d = 0; d < 3; ++d) writer.add(std::vector<TokenId>{1, 2}, 2);
    write_tokens_json(folder_, 300, writer.finish(), {});
    std::fstream idx(folder_ / "train-00000.idx", std::ios::in | std::ios::out | std::ios::binary);
    idx.write(reinterpret_cast<const char*>(&wrong), sizeof wrong);
    idx.close();
    const TokenShards shards(folder_, "train");
    EXPECT_EQ(shards.document_end(2), 6u);
    EXPECT_THROW(
        {
          shards.document_end(0);
          shards.document_end(1);
        },
        std::runtime_error);
  }
}

TEST_F(TokenShardsTest, RefuseNumbersThatAreNone) {
  for (const char* vocab_size : {"1e300", "-1", "\"300\"", "[[[[1]]]]"}) {
    std::ofstream(folder_ / "tokens.json", std::ios::trunc)
        << R"({"dtype":"u16","splits":{"train":{"tokens":0,"documents":0,"bytes":0},)"
        << R"("eval":{"tokens":0,"documents":0,"bytes":0}},"vocab_size":)" << vocab_size << "}";
    EXPECT_THROW(read_tokens_json(folder_), std::runtime_error) << vocab_size;
  }
}

TEST_F(TokenShardsTest, RefuseToGoOnBehindTheEndOfAFile) {
  SplitPosition position;
  {
    TokenShardWriter writer(folder_, "train", 300);
    writer.add(std::vector<TokenId>{1, 2, 3}, 3);
    position = writer.position();
  }
  fs::resize_file(folder_ / "train-00000.bin", 4);
  EXPECT_THROW(TokenShardWriter(folder_, "train", 300, TokenShardWriter::kShardTokens, position),
               std::runtime_error);
}

TEST_F(TokenShardsTest, SayWhenAShardCannotBeMade) {
  TokenShardWriter writer(folder_ / "nowhere", "train", 300);
  EXPECT_THROW(writer.add(std::vector<TokenId>{1, 2, 3}, 3), std::runtime_error);
}

// 2^31 + 20 tokens, of which only the last page is on disk.
TEST_F(TokenShardsTest, HoldMoreTokensThanAnIntCounts) {
  const std::uint64_t many = (std::uint64_t{1} << 31) + 10;
  write_tokens_json(folder_, 300, {many + 10, 2, many}, {});
  const std::uint64_t ends[] = {many, many + 10};
  std::ofstream(folder_ / "train-00000.idx", std::ios::binary)
      .write(reinterpret_cast<const char*>(ends), sizeof ends);
  {
    std::ofstream bin(folder_ / "train-00000.bin", std::ios::binary);
    bin.seekp(static_cast<std::streamoff>(2 * many));
    for (std::uint16_t id = 100; id < 110; ++id)
      bin.write(reinterpret_cast<const char*>(&id), sizeof id);
  }
  const TokenShards shards(folder_, "train");
  EXPECT_EQ(shards.tokens(), many + 10);
  EXPECT_EQ(shards.document_end(0), many);
  EXPECT_EQ(shards.document_of(many - 1), 0u);
  EXPECT_EQ(shards.document_of(many), 1u);
  std::vector<TokenId> read(4);
  shards.read(many - 2, std::span(read));
  EXPECT_EQ(read, (std::vector<TokenId>{0, 0, 100, 101}));
  fs::remove_all(folder_);
}

}  // namespace
}  // namespace lehr::text
