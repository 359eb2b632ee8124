#include "runtime/store/input_digests.h"

#include "runtime/store/checked_json.h"
#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class InputDigests : public ScratchStore {
 protected:
  InputDigests() : store_(root_ / "store"), memory_(store_.root() / "cache/input-digests.json") {
    fs::create_directories(memory_.parent_path());
    for (const char* name : {"kept", "changed", "gone", "line\nbreak"})
      std::ofstream(root_ / name) << name;
  }
  std::string identity(const std::string& name, const char* kind = "file") {
    struct stat info {};
    EXPECT_EQ(::stat((root_ / name).c_str(), &info), 0);
    return input_identity(kind, root_ / name, info);
  }
  void remember(const std::vector<std::string>& identities) {
    Json files = Json::array();
    for (const std::string& identity : identities) files.push_back({identity, "digest"});
    write_file_atomically(memory_, checked_json({{"files", files}}));
  }
  std::vector<std::string> remembered() {
    std::vector<std::string> out;
    const Json memory = read_checked_json(memory_);
    for (const auto& pair : memory.at("files")) out.push_back(pair.at(0));
    return out;
  }

  const ArtifactStore store_;
  const fs::path memory_;
};

TEST_F(InputDigests, GcForgetsFilesThatAreGoneOrHaveChanged) {
  const std::string kept = identity("kept"), code = identity("kept", "code"),
                    broken = identity("line\nbreak");
  remember({kept, code, identity("changed"), identity("gone"), broken, "", "\n\n", "no identity"});
  std::ofstream(root_ / "changed") << "other";
  fs::remove(root_ / "gone");
  GcOptions options;
  options.dry_run = true;
  store_.gc(options);
  EXPECT_EQ(remembered().size(), 8u) << "a dry run changes nothing";
  options.dry_run = false;
  EXPECT_TRUE(store_.gc(options).items.empty());
  EXPECT_EQ(remembered(), (std::vector<std::string>{kept, code, broken}));
}

TEST_F(InputDigests, GcRemovesAMemoryThatCannotBeRead) {
  for (const std::string& text :
       {std::string("no JSON"), checked_json({{"files", 1}}),
        checked_json({{"files", {"no pair"}}}), checked_json({{"a", 1}})}) {
    write_file_atomically(memory_, text);
    store_.gc(GcOptions());
    EXPECT_FALSE(fs::exists(memory_)) << text;
  }
  remember({});
  fs::resize_file(memory_, std::uintmax_t{1} << 40);  // more than anyone reads
  store_.gc(GcOptions());
  EXPECT_FALSE(fs::exists(memory_));
}

TEST_F(InputDigests, GcTakesWhatAKilledRunWasWritingIntoTheCache) {
  const fs::path left = memory_.parent_path() / ".input-digests.json.tmp-1";
  std::ofstream{left} << "half";
  store_.gc(GcOptions());
  EXPECT_TRUE(fs::exists(left)) << "it may be in the writing";
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
  store_.gc(GcOptions());
  EXPECT_FALSE(fs::exists(left));
}

}  // namespace
}  // namespace lehr::runtime
