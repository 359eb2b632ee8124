#include "text/kept_rows.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tbb/task_arena.h>

namespace lehr::text {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFrame = FrameCompressor::kFrameBytes;

std::string random_rows(std::mt19937& random, int rows) {
  std::string all;
  for (int i = 0; i < rows; ++i) {
    all += std::to_string(i) + " ";
    for (std::size_t n = random() % 4000; n > 0; --n) all += static_cast<char>('a' + random() % 8);
    all += '\n';
  }
  return all;
}

class KeptRowsTest : public testing::Test {
 protected:
  KeptRowsTest() { fs::create_directories(folder_); }
  ~KeptRowsTest() override { fs::remove_all(folder_); }

  fs::path put(const char* name, std::string_view bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  // All blocks of a file, or those behind one of them.
  static std::vector<LineBlock> blocks_of(const fs::path& file, std::size_t block_bytes,
                                          int threads = 1, const LineBlock* behind = nullptr) {
    tbb::task_arena arena(threads);
    return arena.execute([&] {
      std::vector<LineBlock> all;
      LineBlocks blocks({file}, {.block_bytes = block_bytes, .keep_frames = true});
      blocks.decompress_ahead(threads);
      if (behind != nullptr) blocks.resume(0, behind->end_offset, behind->end_line);
      for (LineBlock block; blocks.next(block);) all.push_back(block);
      return all;
    });
  }
  // The frames of a file of them.
  std::vector<CompressedFrame> frames_of(std::string_view file) const {
    std::vector<CompressedFrame> all;
    if (file.empty()) return all;
    for (LineBlock& block : blocks_of(put("frames.zst", file), 8 << 20))
      for (CompressedFrame& frame : block.frames) all.push_back(std::move(frame));
    return all;
  }
  std::string decompressed(std::string_view file) const {
    CompressedFile in(put("frames.zst", file));
    std::string all(8 << 20, '\0');
    all.resize(in.read(all.data(), all.size()));
    return all;
  }
  // What is written of the rows that keep(number) says.
  template <class Keep>
  std::string kept(const fs::path& file, std::size_t block_bytes, Keep keep) {
    std::string all;
    int number = 0;
    for (const LineBlock& block : blocks_of(file, block_bytes)) {
      rows_.start(block, compressor_);
      std::string_view rest = block.bytes();
      for (std::string_view row; take_line(rest, row);)
        if (keep(number++)) rows_.add(row);
      rows_.finish();
      all += rows_.frames();
    }
    return all;
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "lehr_kept_rows";
  std::mt19937 random_{1};
  FrameCompressor compressor_;
  KeptRows rows_;
};

TEST_F(KeptRowsTest, CopiesEveryFrameOfWhichAllRowsStay) {
  const std::string text = random_rows(random_, 800);
  const std::string file(compressor_.compress(text));
  const fs::path path = put("in.zst", file);
  const std::vector<CompressedFrame> frames = frames_of(file);
  ASSERT_GT(frames.size(), 15u);
  EXPECT_EQ(kept(path, 8 << 20, [](int) { return true; }), file);
  const std::string without = kept(path, 8 << 20, [](int row) { return row != 400; });
  EXPECT_EQ(decompressed(without).size(),
            text.size() - (text.find("\n401 ") - text.find("\n400 ")));
  std::size_t copied = 0, at = 0;
  for (const CompressedFrame& frame : frames)
    if (const std::size_t found = without.find(frame.bytes(), at); found != std::string::npos)
      ++copied, at = found + frame.bytes().size();
  EXPECT_EQ(copied, frames.size() - 1);
  EXPECT_EQ(kept(path, 8 << 20, [](int) { return false; }), "");
}

TEST_F(KeptRowsTest, DoNotMakeFramesSmallerAndSmaller) {
  std::string file(compressor_.compress(random_rows(random_, 2000)));
  const std::size_t at_first = frames_of(file).size();
  for (int stage = 0; stage < 8; ++stage) {
    file = kept(put("in.zst", file), 8 << 20, [&](int) { return random_() % 30 != 0; });
    const auto frames = frames_of(file);
    for (std::size_t i = 0; i + 1 < frames.size(); ++i)
      EXPECT_GE(frames[i].end - frames[i].begin, kFrame / 2 - 4010);  // less a line
  }
  EXPECT_LE(frames_of(file).size(), at_first);
}

// A frame may end within a line, lines may be blank or end in \r\n, the last one may have no end,
// and a document may have been rewritten.
TEST_F(KeptRowsTest, WriteTheSameLinesHoweverTheFileIsCut) {
  for (int turn = 0; turn < 20; ++turn) {
    std::string text = random_rows(random_, 400), file;
    for (int i = 0; i < 3; ++i)
      text.insert(text.find('\n', random_() % (text.size() / 2)), i % 2 ? "\n" : "\r");
    if (turn % 2 == 0) text.pop_back();
    for (std::size_t at = 0; at < text.size();) {
      const std::string_view rest = std::string_view(text).substr(at);
      std::size_t end = random_() % (3 * kFrame) + 1;
      if (random_() % 3 > 0) end = rest.find('\n', end) + 1;
      end = end == 0 ? rest.size() : end;
      file += compressor_.compress(rest.substr(0, end));
      at += std::min(end, rest.size());
    }
    std::string all, expected;
    for (const LineBlock& block : blocks_of(put("in.zst", file), 300000)) {
      rows_.start(block, compressor_);
      std::string_view rest = block.bytes();
      for (std::string_view row; take_line(rest, row);) {
        const auto chance = random_() % 60;
        if (chance == 0 || row.empty()) continue;
        if (chance == 1) {
          rows_.add(Document{"a", "b", ""});
          expected += "{\"id\":\"a\",\"text\":\"b\"}\n";
        } else {
          rows_.add(chance == 2 ? std::string(row) : row);
          expected.append(row) += '\n';
        }
      }
      rows_.finish();
      all += rows_.frames();
    }
    ASSERT_TRUE(decompressed(all) == expected) << turn;
  }
}

TEST_F(KeptRowsTest, KnowTheSameFramesWithAnyThreadsAndFromWhereverOneGoesOn) {
  const fs::path path = put("in.zst", compressor_.compress(random_rows(random_, 1500)));
  const auto blocks = blocks_of(path, 200000);
  ASSERT_GT(blocks.size(), 10u);
  const auto expect_same = [](const LineBlock& a, const LineBlock& b) {
    EXPECT_EQ(a.offset(), b.offset());
    ASSERT_EQ(a.frames.size(), b.frames.size());
    for (std::size_t i = 0; i < a.frames.size(); ++i) {
      EXPECT_EQ(a.frames[i].begin, b.frames[i].begin);
      EXPECT_TRUE(a.frames[i].bytes() == b.frames[i].bytes());
    }
  };
  std::size_t frames = 0;
  for (const LineBlock& block : blocks) frames += block.frames.size();
  EXPECT_GT(frames, 15u);
  const auto by_three = blocks_of(path, 200000, 3);
  ASSERT_EQ(by_three.size(), blocks.size());
  for (std::size_t i = 0; i < blocks.size(); ++i) expect_same(by_three[i], blocks[i]);
  for (std::size_t from = 0; from + 1 < blocks.size(); ++from) {
    const auto rest = blocks_of(path, 200000, 1 + from % 3, &blocks[from]);
    ASSERT_EQ(rest.size(), blocks.size() - from - 1);
    for (std::size_t i = 0; i < rest.size(); ++i) expect_same(rest[i], blocks[from + 1 + i]);
  }
}

}  // namespace
}  // namespace lehr::text
