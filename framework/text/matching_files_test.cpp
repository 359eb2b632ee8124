#include "text/matching_files.h"

#include <gtest/gtest.h>

#include <fstream>

namespace lehr::text {
namespace {

namespace fs = std::filesystem;

class MatchingFiles : public testing::Test {
 protected:
  MatchingFiles() : folder_(fs::path(testing::TempDir()) / "lehr_matching_files") {
    fs::remove_all(folder_);
    for (const char* name : {"a.txt", "b.txt", "b.jsonl", ".c.txt", "sub/d.txt", "sub/deep/e.txt",
                             "sub/.hidden/f.txt", "odd[1].txt"}) {
      fs::create_directories((folder_ / name).parent_path());
      std::ofstream(folder_ / name) << "x";
    }
  }
  ~MatchingFiles() override { fs::remove_all(folder_); }
  std::string names(const std::string& pattern) {
    std::string out;
    for (const auto& file : matching_files((folder_ / pattern).string()))
      out += file.lexically_relative(folder_).string() + " ";
    return out;
  }
  fs::path folder_;
};

TEST_F(MatchingFiles, AreFoundByNameFolderAndGlob) {
  EXPECT_EQ(names("a.txt"), "a.txt ");
  EXPECT_EQ(names("none.txt"), "");
  EXPECT_EQ(names("sub"), "sub/d.txt sub/deep/e.txt ");
  EXPECT_EQ(names("[ab].*"), "a.txt b.jsonl b.txt ");
  EXPECT_EQ(names("?.txt"), "a.txt b.txt ");
  EXPECT_EQ(names("s*/*.txt"), "sub/d.txt ");
  EXPECT_EQ(names("**/*.txt"), "a.txt b.txt odd[1].txt sub/d.txt sub/deep/e.txt ");
  EXPECT_EQ(names("sub/**"), "sub/d.txt sub/deep/e.txt ");
  EXPECT_EQ(names(".*.txt"), ".c.txt ");
  EXPECT_EQ(names("odd[1].txt"), "odd[1].txt ");
}

TEST_F(MatchingFiles, HaveAFolderThatMovesWithThem) {
  EXPECT_EQ(fixed_folder((folder_ / "a.txt").string()), folder_);
  EXPECT_EQ(fixed_folder((folder_ / "odd[1].txt").string()), folder_);
  EXPECT_EQ(fixed_folder((folder_ / "sub").string()), folder_ / "sub");
  EXPECT_EQ(fixed_folder((folder_ / "sub" / "*" / "x").string()), folder_ / "sub");
}

TEST_F(MatchingFiles, EndAsTheirNamesDoInCapitalsOrNot) {
  EXPECT_TRUE(has_ending("a.txt", ".txt"));
  EXPECT_TRUE(has_ending("A.TXT", ".txt"));
  EXPECT_FALSE(has_ending("a.txt.xz", ".txt"));
  EXPECT_FALSE(has_ending("txt", ".txt"));
}

TEST_F(MatchingFiles, ThatArePassedOverAreCountedAndTheFirstNamed) {
  const std::string folder = folder_.string();
  EXPECT_EQ(passed_over(folder, {folder_ / "sub/d.md"}),
            "1 file of '" + folder + "' is passed over: sub/d.md");
  EXPECT_EQ(passed_over(folder, {folder_ / "a", folder_ / "b", folder_ / "c"}),
            "3 files of '" + folder + "' are passed over: a, b, c");
  EXPECT_EQ(passed_over(folder, {folder_ / "a", folder_ / "b", folder_ / "c", folder_ / "d"}),
            "4 files of '" + folder + "' are passed over: a, b, c, ...");
}

}  // namespace
}  // namespace lehr::text
