#include "runtime/run/output_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "runtime/store/output_links.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

class OutputFolder : public ::testing::Test {
 protected:
  OutputFolder()
      : root_(fs::temp_directory_path() / ("lehr-output-" + std::to_string(::getpid()))),
        store_((remove_tree(root_), root_ / ".lehr")) {}
  ~OutputFolder() override { remove_tree(root_); }

  std::string artifact(const std::string& text) {
    const fs::path folder = root_ / "making";
    make_folders(folder / "part");
    write_file_atomically(folder / "a.txt", text);
    write_file_atomically(folder / "part" / "b.txt", "same");
    return store_.publish(folder, describe_folder(folder, "documents", {}, 1));
  }
  std::string text() const { return read_file(to_ / "a.txt"); }
  std::string refusal(const std::string& digest) try {
    put_output(store_, digest, to_, false);
    return "";
  } catch (const StoreError& e) {
    return e.what();
  }

  const fs::path root_;
  const ArtifactStore store_;
  const fs::path to_ = root_ / "models" / "final";
};

TEST_F(OutputFolder, AppearsAndIsReplaced) {
  const std::string one = artifact("one"), two = artifact("two");
  EXPECT_TRUE(put_output(store_, one, to_, false));
  EXPECT_EQ(text(), "one");
  EXPECT_EQ(read_file(to_ / "part" / "b.txt"), "same");
  EXPECT_TRUE(put_output(store_, two, to_, false));
  EXPECT_EQ(text(), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(to_.parent_path()), {}), 1);  // nothing left over
}

TEST_F(OutputFolder, IsLeftAloneWhenItIsCurrent) {
  const std::string one = artifact("one");
  put_output(store_, one, to_, false);
  const auto written = fs::last_write_time(to_ / "a.txt");
  EXPECT_FALSE(put_output(store_, one, to_, false));
  EXPECT_EQ(fs::last_write_time(to_ / "a.txt"), written);
}

TEST_F(OutputFolder, IsMendedWhereAFileIsMissing) {
  const std::string one = artifact("one");
  put_output(store_, one, to_, false);
  fs::remove(to_ / "part" / "b.txt");
  EXPECT_TRUE(put_output(store_, one, to_, false));
  EXPECT_EQ(read_file(to_ / "part" / "b.txt"), "same");
}

TEST_F(OutputFolder, NothingDamagedIsHandedOut) {
  const std::string one = artifact("one");
  const fs::path file = store_.artifact_path(one) / "a.txt";
  const auto written = fs::last_write_time(file);
  fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(file) << "two";
  fs::last_write_time(file, written);
  EXPECT_NE(refusal(one).find("a.txt"), std::string::npos) << refusal(one);
  EXPECT_THROW(put_output(store_, one, to_, true), StoreError);
  EXPECT_FALSE(fs::exists(fs::symlink_status(to_)));
}

TEST_F(OutputFolder, ALinkLeadsThereAndIsKnownByEveryPath) {
  const std::string one = artifact("one");
  make_folders(root_ / "far" / "away");
  fs::create_directory_symlink(root_ / "far" / "away", root_ / "near");
  fs::create_directory_symlink(root_, root_ / "far" / "home");
  EXPECT_TRUE(put_output(store_, one, root_ / "near" / "final", true));
  EXPECT_EQ(read_file(root_ / "far" / "away" / "final" / "a.txt"), "one");
  EXPECT_FALSE(put_output(store_, one, root_ / "near" / "final", true));
  const ArtifactStore same(root_ / "far" / "home" / ".lehr");  // by another path
  for (const ArtifactStore* store : {&store_, &same}) {
    forget_lost_output_links(*store);
    EXPECT_TRUE(list_output_links(*store).contains(one));
  }
}

TEST_F(OutputFolder, IsALinkIfThatIsAskedFor) {
  const std::string one = artifact("one"), two = artifact("two");
  EXPECT_TRUE(put_output(store_, one, to_, false));
  EXPECT_TRUE(put_output(store_, two, to_, true));
  EXPECT_TRUE(fs::is_symlink(to_));
  EXPECT_EQ(text(), "two");
  EXPECT_FALSE(put_output(store_, two, to_, true));
  EXPECT_TRUE(put_output(store_, one, to_, true));
  EXPECT_EQ(text(), "one");
  EXPECT_TRUE(put_output(store_, one, to_, false));
  EXPECT_FALSE(fs::is_symlink(to_));
  EXPECT_TRUE(fs::exists(store_.artifact_path(two) / "a.txt"));  // a link is removed, not followed
}

TEST_F(OutputFolder, WhatALinkLeadsToStaysForAsLongAsItDoes) {
  GcOptions all;
  all.grace = std::chrono::seconds(0);
  const std::string one = artifact("one"), two = artifact("two");
  put_output(store_, one, to_, true);
  EXPECT_EQ(list_output_links(store_).at(one), to_);
  EXPECT_EQ(store_.gc(all).count("artifact"), 1u);  // two
  EXPECT_EQ(text(), "one");

  put_output(store_, artifact("three"), to_, true);
  EXPECT_EQ(store_.gc(all).count("artifact"), 1u) << "one: the link leads elsewhere now";
  EXPECT_EQ(text(), "three");

  fs::remove(to_);
  EXPECT_TRUE(list_output_links(store_).empty());
  EXPECT_EQ(store_.gc(all).count("artifact"), 1u);
  EXPECT_TRUE(fs::is_empty(store_.root() / "links")) << "it is forgotten";
}

TEST_F(OutputFolder, ALinkThatIsForgottenIsRememberedByTheNextRun) {
  const std::string one = artifact("one");
  put_output(store_, one, to_, true);
  remove_tree(store_.root() / "links");
  EXPECT_FALSE(put_output(store_, one, to_, true));
  EXPECT_TRUE(list_output_links(store_).contains(one));
}

TEST_F(OutputFolder, LinksHoldAfterTheFolderOfBothWasMoved) {
  const std::string one = artifact("one");
  put_output(store_, one, to_, true);
  const fs::path moved = root_.string() + ".moved";
  fs::rename(root_, moved);
  const ArtifactStore store(moved / ".lehr");
  EXPECT_EQ(list_output_links(store).at(one), moved / "models" / "final");
  remove_tree(moved);
}

TEST_F(OutputFolder, NeverReplacesWhatIsNotOurs) {
  const std::string one = artifact("one"), two = artifact("two");
  make_folders(to_);
  write_file_atomically(to_ / "notes.txt", "mine");
  EXPECT_NE(refusal(one).find("was not made by Lehr"), std::string::npos);
  EXPECT_EQ(read_file(to_ / "notes.txt"), "mine");
  fs::remove(to_ / "notes.txt");
  EXPECT_EQ(refusal(one), "");  // an empty folder is nobody's

  write_file_atomically(to_ / "notes.txt", "mine");
  EXPECT_NE(refusal(two).find("holds 'notes.txt'"), std::string::npos);
  fs::remove(to_ / "notes.txt");
  write_file_atomically(to_ / "a.txt", "uno");  // as long as before
  fs::last_write_time(to_ / "a.txt",
                      fs::last_write_time(to_ / kArtifactFile) + std::chrono::seconds(1));
  EXPECT_NE(refusal(two).find("changed since: 'a.txt'"), std::string::npos);
  EXPECT_EQ(text(), "uno");

  remove_tree(to_);
  fs::create_directory_symlink(root_, to_);
  EXPECT_NE(refusal(two).find("a link that Lehr did not make"), std::string::npos);
  fs::remove(to_);
  write_file_atomically(to_, "a file");
  EXPECT_NE(refusal(two).find("is not a folder"), std::string::npos);
}

}  // namespace
}  // namespace lehr::runtime
