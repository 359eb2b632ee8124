#include "megatron_files.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

namespace lehr::plugins::tokenizer {
namespace {

namespace fs = std::filesystem;

// Numbers read one after the other, as a reader of the format would.
class Numbers {
 public:
  explicit Numbers(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::string text(std::size_t size) {
    const std::string out = bytes_.substr(at_, size);
    at_ += size;
    return out;
  }
  template <class T>
  std::int64_t next() {
    if (at_ + sizeof(T) > bytes_.size()) throw std::out_of_range("the file ends");
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return static_cast<std::int64_t>(value);
  }
  void go_to(std::size_t place) { at_ = place; }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

class MegatronFiles : public testing::TestWithParam<std::size_t> {
 protected:
  MegatronFiles() : folder_(fs::path(testing::TempDir()) / "lehr_megatron_files") {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::mt19937 random(5);
    text::TokenShardWriter writer(folder_, "train", GetParam(), 100);
    for (int d = 0; d < 50; ++d) {
      auto& ids = documents_.emplace_back(1 + random() % 40);
      for (auto& id : ids) id = static_cast<text::TokenId>(random() % GetParam());
      writer.add(ids, 1);
    }
    text::write_tokens_json(folder_, GetParam(), writer.finish(), {});
  }
  ~MegatronFiles() override { fs::remove_all(folder_); }
  bool narrow() const { return text::fits_u16(GetParam()); }
  std::string bytes_of(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path folder_;
  std::vector<std::vector<text::TokenId>> documents_;
};

TEST_P(MegatronFiles, HoldTheDocumentsOfAllShards) {
  ASSERT_TRUE(fs::exists(folder_ / "train-00003.bin"));
  write_megatron_files(text::TokenShards(folder_, "train"), narrow(), folder_ / "train", {},
                       [](const MegatronPosition&) {});
  Numbers idx(folder_ / "train.idx"), bin(folder_ / "train.bin");
  EXPECT_EQ(idx.text(9), std::string("MMIDIDX\0\0", 9));
  EXPECT_EQ(idx.next<std::uint64_t>(), 1);
  EXPECT_EQ(idx.next<std::uint8_t>(), narrow() ? 8 : 4);
  EXPECT_EQ(idx.next<std::uint64_t>(), 50);
  EXPECT_EQ(idx.next<std::uint64_t>(), 51);
  for (const auto& ids : documents_)
    EXPECT_EQ(idx.next<std::int32_t>(), static_cast<std::int64_t>(ids.size()));
  for (const auto& ids : documents_) {
    bin.go_to(static_cast<std::size_t>(idx.next<std::int64_t>()));
    for (const text::TokenId id : ids)
      ASSERT_EQ(narrow() ? bin.next<std::uint16_t>() : bin.next<std::int32_t>(), id);
  }
  EXPECT_TRUE(bin.at_end());
  for (std::int64_t mark = 0; mark <= 50; ++mark) EXPECT_EQ(idx.next<std::int64_t>(), mark);
  EXPECT_TRUE(idx.at_end());
}

TEST_P(MegatronFiles, SayHowFarTheyAreAndGoOnFromThere) {
  const text::TokenShards shards(folder_, "train");
  std::vector<MegatronPosition> positions;
  write_megatron_files(shards, narrow(), folder_ / "whole", {},
                       [&](const MegatronPosition& at) { positions.push_back(at); });
  EXPECT_EQ(positions.size(), 4u);  // before each part
  EXPECT_EQ(positions[1].bytes, shards.tokens() * (narrow() ? 2 : 4) + 34);
  for (const MegatronPosition& stop : positions) {
    const auto stop_there = [&](const MegatronPosition& at) {
      if (at.part == stop.part) throw std::runtime_error("stop");
    };
    EXPECT_THROW(write_megatron_files(shards, narrow(), folder_ / "again", {}, stop_there),
                 std::runtime_error);
    const bool ids = stop.part == MegatronPosition::Part::ids;
    std::ofstream(folder_ / (ids ? "again.bin" : "again.idx"), std::ios::app) << "what came later";
    write_megatron_files(shards, narrow(), folder_ / "again", stop, [](const MegatronPosition&) {});
    for (const char* extension : {".bin", ".idx"})
      EXPECT_EQ(bytes_of(std::string("again") + extension),
                bytes_of(std::string("whole") + extension))
          << static_cast<int>(stop.part);
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, MegatronFiles, testing::Values(300, 65536, 65537));

}  // namespace
}  // namespace lehr::plugins::tokenizer
