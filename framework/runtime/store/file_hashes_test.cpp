#include "runtime/store/file_hashes.h"

#include "runtime/store/durable_file.h"
#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

class FileHashes : public ScratchStore {
 protected:
  // Files of these sizes, of which no two are alike.
  void write(const std::vector<std::size_t>& sizes) {
    for (const std::size_t size : sizes) {
      std::string text(size, 'x');
      const std::string number = std::to_string(texts_.size());
      text.replace(0, std::min(size, number.size()), number, 0, std::min(size, number.size()));
      paths_.push_back(root_ / number);
      std::ofstream(paths_.back()) << text;
      texts_.push_back(std::move(text));
    }
  }
  std::vector<std::filesystem::path> paths_;
  std::vector<std::string> texts_;
};

TEST_F(FileHashes, AreThoseOfWholeFilesHoweverTheyAreSliced) {
  write({0, 1, 99, 100, 101, 200, 5000, 4999});
  write(std::vector<std::size_t>(40, 350));  // more than are open at one time
  for (const unsigned threads : {1u, 2u, 7u})
    for (const std::uint64_t slice : {100u, 1u << 20}) {
      const std::vector<FileHash> hashes = hash_files(paths_, threads, slice);
      ASSERT_EQ(hashes.size(), texts_.size());
      for (std::size_t i = 0; i < hashes.size(); ++i) {
        EXPECT_EQ(hashes[i].sha256, sha256_hex(texts_[i])) << i;
        EXPECT_EQ(hashes[i].bytes, texts_[i].size()) << i;
      }
    }
  EXPECT_TRUE(hash_files({}, 2).empty());
}

TEST_F(FileHashes, TellWhichFileCannotBeRead) {
  write(std::vector<std::size_t>(30, 350));
  paths_.push_back(root_ / "missing");
  for (const unsigned threads : {1u, 3u}) try {
      hash_files(paths_, threads, 100);
      FAIL();
    } catch (const IoError& e) {
      EXPECT_NE(std::string(e.what()).find("missing"), std::string::npos) << e.what();
    }
}

}  // namespace
}  // namespace lehr::runtime
