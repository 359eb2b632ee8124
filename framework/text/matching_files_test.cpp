#include "text/matching_files.h"

#include <gtest/gtest.h>

#include <algorithm>
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

TEST_F(MatchingFiles, AreSortedAsPathsAre) {
  for (const char* name :
       {"many/b/x", "many/b-c/x", "many/b.d", "many/\xc3\xa9", "many/b0", "many/a"}) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << "x";
  }
  fs::create_directory_symlink(folder_ / "sub", folder_ / "many/link");
  fs::create_symlink(folder_ / "a.txt", folder_ / "many/file");
  const auto found = matching_files((folder_ / "many").string());
  EXPECT_EQ(found.size(), 7u);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  EXPECT_EQ(names("many/l*/*.txt"), "many/link/d.txt ");
}

TEST_F(MatchingFiles, SayWhyThereIsNone) {
  fs::create_directories(folder_ / "empty");
  fs::create_directories(folder_ / "dots");
  std::ofstream(folder_ / "dots/.a") << "x";
  fs::create_symlink("nowhere", folder_ / "link.jsonl");
  const auto why = [&](const std::string& pattern) {
    std::string text = why_no_file((folder_ / pattern).string());
    const std::string base = folder_.string() + "/";
    for (std::size_t at = 0; (at = text.find(base)) != text.npos;) text.erase(at, base.size());
    return text;
  };
  EXPECT_EQ(why("empty"), ": the folder 'empty' is empty");
  EXPECT_EQ(why("empty/*.txt"), ": the folder 'empty' is empty");
  EXPECT_EQ(why("dots"),
            ": the folder 'dots' holds no file; names that begin with a dot do not count");
  EXPECT_EQ(why("link.jsonl"), ": 'link.jsonl' is a link to 'nowhere', which is not there");
  EXPECT_EQ(why("li*.jsonl"), why("link.jsonl"));
  EXPECT_EQ(why("nothing/*.txt"), ": there is no folder 'nothing'");
  EXPECT_EQ(why("sub/*.csv"), "");
  EXPECT_EQ(why("sub/a.csv"), "");
}

TEST_F(MatchingFiles, AreThereOrNot) {
  for (const char* pattern : {"a.txt", "sub", "s*/*.txt", "**/e.txt", "sub/**"})
    EXPECT_TRUE(matches_a_file((folder_ / pattern).string())) << pattern;
  for (const char* pattern : {"none.txt", "sub/*.md", "**/f.txt", "a.txt/*"})
    EXPECT_FALSE(matches_a_file((folder_ / pattern).string())) << pattern;
}

TEST_F(MatchingFiles, HaveANameBelowTheirFolder) {
  EXPECT_EQ(name_below("a/b", "a/b/c/d"), "c/d");
  EXPECT_EQ(name_below("a/b/", "a/b/c"), "c");
  EXPECT_EQ(name_below("a", "ab/c"), "../ab/c");
  EXPECT_EQ(name_below("", "c/d"), "c/d");
  EXPECT_EQ(name_below(".", "./c"), "c");
  EXPECT_EQ(name_below("/", "/c"), "c");
  EXPECT_EQ(name_below("a/b", "a//b/c"), "c");
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

TEST_F(MatchingFiles, AreToldByTheFirstAndHowManyMore) {
  EXPECT_EQ(named_files({}), "no file");
  EXPECT_EQ(named_files({"a"}), "'a'");
  EXPECT_EQ(named_files({"a", "b"}), "'a' and 1 more file");
  EXPECT_EQ(named_files({"a", "b", "c"}), "'a' and 2 more files");
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
