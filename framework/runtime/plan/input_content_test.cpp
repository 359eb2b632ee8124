#include "runtime/plan/input_content.h"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

class InputContent : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "lehr-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  std::string digest(const std::string& pattern) {
    return ContentDigests(nullptr).describe(folder_ / pattern);
  }
  const ArtifactStore& store() {
    if (!store_) store_.emplace(folder_ / "store");
    return *store_;
  }
  fs::path folder_;
  std::optional<ArtifactStore> store_;
  static constexpr const char* kMemory = "store/cache/input-digests.json";
};

TEST_F(InputContent, DigestFollowsContentAndNamesNotTheFolder) {
  write("one/a.txt", "hello");
  write("two/a.txt", "hello");
  write("two/b.md", "not matched");
  EXPECT_EQ(digest("one/*.txt"), digest("two/*.txt"));
  EXPECT_EQ(digest("one/a.txt"), digest("one/*.txt"));
  const std::string before = digest("one");
  write("one/a.txt", "hellO");
  EXPECT_NE(digest("one"), before);
  EXPECT_NE(digest("two"), digest("two/*.txt"));
  EXPECT_EQ(digest("three"), "no files");
}

TEST_F(InputContent, RemembersOldFilesAndSeesThatTheyChanged) {
  write("a.txt", "hello");
  fs::last_write_time(folder_ / "a.txt", fs::file_time_type::clock::now() - std::chrono::hours(1));
  ContentDigests first(&store());
  const std::string before = first.describe(folder_ / "a.txt");
  first.save(store());
  ASSERT_TRUE(fs::exists(folder_ / kMemory));
  EXPECT_EQ(ContentDigests(&store()).describe(folder_ / "a.txt"), before);
  write("a.txt", "jello");  // same size, another time
  EXPECT_NE(ContentDigests(&store()).describe(folder_ / "a.txt"), before);
  write(kMemory, "not JSON");
  EXPECT_NE(ContentDigests(&store()).describe(folder_ / "a.txt"), before);
}

TEST_F(InputContent, RemembersOtherDigestsOfAFileApart) {
  write("a.so", "code");
  fs::last_write_time(folder_ / "a.so", fs::file_time_type::clock::now() - std::chrono::hours(1));
  int computed = 0;
  const auto digest = [&] { return "digest " + std::to_string(++computed); };
  ContentDigests contents(&store());
  const std::string of_file = contents.describe(folder_ / "a.so");
  EXPECT_EQ(contents.remembered("code", folder_ / "a.so", digest), "digest 1");
  EXPECT_EQ(contents.remembered("code", folder_ / "a.so", digest), "digest 1");
  EXPECT_EQ(contents.describe(folder_ / "a.so"), of_file);
  contents.save(store());
  EXPECT_EQ(ContentDigests(&store()).remembered("code", folder_ / "a.so", digest), "digest 1");
  write("a.so", "c0de");
  EXPECT_EQ(contents.remembered("code", folder_ / "a.so", digest), "digest 2");
}

TEST_F(InputContent, SeesAChangeThatHidesItsTime) {
  write("a.txt", "hello");
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  fs::last_write_time(folder_ / "a.txt", old);
  ContentDigests contents(nullptr);
  const std::string before = contents.describe(folder_ / "a.txt");
  write("a.txt", "jello");
  fs::last_write_time(folder_ / "a.txt", old);
  EXPECT_NE(contents.describe(folder_ / "a.txt"), before);
}

TEST_F(InputContent, DoesNotBelieveADamagedMemory) {
  write("a.txt", "hello");
  fs::last_write_time(folder_ / "a.txt", fs::file_time_type::clock::now() - std::chrono::hours(1));
  ContentDigests first(&store());
  const std::string before = first.describe(folder_ / "a.txt");
  first.save(store());
  std::string remembered = read_file(folder_ / kMemory);
  const std::size_t digest = remembered.rfind("\"", remembered.find("\"checksum\"") - 2) - 1;
  remembered[digest] = remembered[digest] == '1' ? '2' : '1';
  write(kMemory, remembered);
  EXPECT_EQ(ContentDigests(&store()).describe(folder_ / "a.txt"), before);
}

}  // namespace
}  // namespace lehr::runtime
