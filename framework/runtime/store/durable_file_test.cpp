#include "runtime/store/durable_file.h"

#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

class MakeFolders : public ScratchStore {
 protected:
  // Why the folder could not be made; empty: it was.
  std::string refusal(const fs::path& path) const try {
    make_folders(path);
    return fs::is_directory(path) ? "" : "there is none";
  } catch (const IoError& e) {
    return e.what();
  }
};

TEST_F(MakeFolders, MakesAllThatAreMissingAndTakesThoseThatAreThere) {
  EXPECT_EQ(refusal(root_ / "a" / "b" / "c"), "");
  EXPECT_EQ(refusal(root_ / "a" / "b" / "c"), "");
  EXPECT_EQ(refusal(root_ / "a" / "x" / ""), "");
  fs::create_directory_symlink(root_ / "a", root_ / "link");
  EXPECT_EQ(refusal(root_ / "link"), "");
  EXPECT_EQ(refusal(root_ / "link" / "y"), "");
}

TEST_F(MakeFolders, GivesTheReasonOfTheSystem) {
  std::ofstream(root_ / "file") << "x";
  EXPECT_NE(refusal(root_ / "file").find("Not a directory"), std::string::npos);
  EXPECT_NE(refusal(root_ / "file" / "below").find("Not a directory"), std::string::npos);
  fs::create_symlink("loop", root_ / "loop");
  EXPECT_NE(refusal(root_ / "loop" / "below").find("Too many levels"), std::string::npos);
  EXPECT_NE(refusal(root_ / std::string(300, 'x') / "below").find("File name too long"),
            std::string::npos);
}

}  // namespace
}  // namespace lehr::runtime
