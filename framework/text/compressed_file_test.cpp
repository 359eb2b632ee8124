#include "text/compressed_file.h"

#include <malloc.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <lehr/value.h>
#include <tbb/task_arena.h>

namespace lehr::text {
namespace {

namespace fs = std::filesystem;

class Ahead : public testing::Test {
 protected:
  Ahead() { fs::create_directories(folder_); }
  ~Ahead() override { fs::remove_all(folder_); }

  fs::path put(const std::string& bytes) const {
    std::ofstream(folder_ / "file.zst", std::ios::binary) << bytes;
    return folder_ / "file.zst";
  }
  // All of it, in pieces of any size, with so many threads.
  static std::string read(const fs::path& path, int threads, std::uint64_t* position = nullptr) {
    tbb::task_arena arena(threads);
    return arena.execute([&] {
      CompressedFile file(path);
      file.decompress_ahead(threads);
      std::mt19937 random(5);
      std::string all, part;
      for (bool more = true; more;) {
        part.resize(1 + random() % 300000);
        const std::size_t n = file.read(part.data(), part.size());
        all.append(part, 0, n);
        more = n == part.size();
      }
      if (position != nullptr) *position = file.position();
      return all;
    });
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "lehr_frames_ahead";
};

// Also what is not decompressed ahead: a frame that is too long, one to be skipped, an empty one.
TEST_F(Ahead, GivesTheSameBytesWithAnyNumberOfThreads) {
  std::mt19937 random(1);
  FrameCompressor frames;
  std::string text, file;
  for (int i = 0; i < 60; ++i) {
    std::string part(i == 30 ? 40 << 20 : i % 7 == 0 ? 0 : random() % 400000, ' ');
    for (std::size_t c = 0; c < part.size(); c += i == 30 ? 1000 : 3)
      part[c] = static_cast<char>('a' + random() % 26);
    text += part;
    file += frames.compress(part);
    if (i % 20 == 10) file += std::string("\x53\x2a\x4d\x18\x04\0\0\0abcd", 12);
  }
  const fs::path path = put(file);
  for (const int threads : {1, 2, 5}) {
    std::uint64_t position = 0;
    EXPECT_TRUE(read(path, threads, &position) == text) << threads;
    EXPECT_EQ(position, file.size()) << threads;
  }
}

TEST_F(Ahead, RefusesWhatIsDamagedOrCutShort) {
  FrameCompressor frames;
  std::string file, damaged;
  for (int i = 0; i < 6; ++i)
    file += frames.compress(std::string(50 + i, static_cast<char>('a' + i)));
  const auto failure = [&](const std::string& bytes) -> std::string {
    try {
      read(put(bytes), 3);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(failure(file), "");
  const std::size_t each = file.size() / 6;
  for (std::size_t cut = 1; cut < each; ++cut) {
    EXPECT_NE(failure(file.substr(0, file.size() - cut)).find("truncated"), std::string::npos)
        << cut;
    damaged = file;
    damaged[4 * each - 1] ^= 1;  // a checksum
    EXPECT_NE(failure(damaged).find("damaged zstd data near byte"), std::string::npos);
  }
  EXPECT_NE(failure(file + "xxxxyyyy").find("damaged zstd data"), std::string::npos);
}

// Most tasks of an arena that ends at once never run.
// Not text, of which every line could then be dropped.
TEST(CompressedFile, RefusesWhatItsNameDoesNotSay) {
  const fs::path folder = fs::path(testing::TempDir()) / "lehr_named_wrongly";
  fs::create_directories(folder);
  for (const char* name : {"a.gz", "a.jsonl.zst", "a.txt", "a"}) {
    std::ofstream(folder / name) << "plain";
    if (fs::path(name).extension() == ".gz" || fs::path(name).extension() == ".zst")
      EXPECT_THROW(CompressedFile{folder / name}, Error) << name;
    else
      EXPECT_NO_THROW(CompressedFile{folder / name}) << name;
  }
  fs::remove_all(folder);
}

TEST_F(Ahead, KeepsNoMemoryForTasksThatNeverRun) {
  FrameCompressor frames;
  std::string file(frames.compress("a"));
  file.back() ^= 1;
  for (int i = 0; i < 4; ++i) file += frames.compress(std::string(1 << 20, 'a'));
  const fs::path path = put(file);
  const auto in_use = [] {
    const struct mallinfo2 memory = mallinfo2();
    return memory.uordblks + memory.hblkhd;
  };
  const std::size_t before = in_use();
  for (int i = 0; i < 50; ++i) EXPECT_THROW(read(path, 5), Error);
  EXPECT_LT(in_use(), before + (20 << 20));
}

}  // namespace
}  // namespace lehr::text
