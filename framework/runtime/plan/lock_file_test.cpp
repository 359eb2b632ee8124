#include "runtime/plan/lock_file.h"

#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

class LockFile : public ScratchStore {
 protected:
  LockFile() {
    plugin_.name = "p";
    plugin_.version = "1.0.0";
    fs::create_directories(root_ / "texts");
    std::ofstream(root_ / "texts" / "a.txt") << "a";
    std::ofstream(root_ / "texts" / "b.txt") << "b";
    PlannedStage source;
    source.id = "source";
    source.uses = "p.source";
    source.where = "x.yaml:3:3";
    source.input_paths = {{"train", (root_ / "texts/*.txt").string(), "x.yaml:5:9"}};
    source.static_parts = {{"code.p", "1", ""},
                           {"content.train", "2 files", "x.yaml:5:9"},
                           {"machine", "x86-64-v3", ""},
                           {"with.lines", "3", "x.yaml:4:9"}};
    source.outputs = {{"documents", "documents", {}, "", std::string(64, 'a'), ""}};
    PlannedStage clean = source;
    clean.id = "clean";
    clean.input_paths.clear();
    clean.where = "x.yaml:6:3";
    clean.static_parts = {{"code.p", "1", ""}};
    clean.inputs = {{"documents",
                     "",
                     "source",
                     "documents",
                     "documents",
                     {},
                     "",
                     "x.yaml:7:5",
                     {},
                     std::string(64, 'a')}};
    clean.outputs = {{"documents", "documents", {}, "", std::string(64, 'b'), ""}};
    for (PlannedStage* stage : {&source, &clean}) {
      stage->plugin = &plugin_;
      stage->determinism = "exact";
      stage->state = StageState::cached;
      stage->key = std::string(64, 'c');
    }
    plan_.name = "x";
    plan_.pipeline_file = root_ / "x.yaml";
    plan_.stages = {source, clean};
  }
  LockComparison compared() { return compare(read_lock(plan_.pipeline_file), plan_, &store_); }
  std::string lock_text() { return read_file(root_ / "lehr.lock"); }
  std::string why_not() {
    try {
      read_lock(plan_.pipeline_file);
    } catch (const StoreError& e) {
      return e.what();
    }
    return "";
  }

  PluginFile plugin_;
  Plan plan_;
  ArtifactStore store_{root_ / "store"};
};

TEST_F(LockFile, IsTheSameAfterReadingAndWritingAgain) {
  write_lock(plan_.pipeline_file, lock(plan_, store_));
  const std::string text = lock_text();
  EXPECT_NE(text.find("\"a.txt\": \""), std::string::npos) << text;
  EXPECT_NE(text.find("\"in.documents[0]\": \"aaaa"), std::string::npos) << text;
  write_lock(plan_.pipeline_file, read_lock(plan_.pipeline_file));
  EXPECT_EQ(lock_text(), text);
  EXPECT_TRUE(compared().refused.empty());
  EXPECT_TRUE(compared().reported.empty());
}

TEST_F(LockFile, KeepsWhatItSaysOfOtherPipelines) {
  const LockedPipeline locked = lock(plan_, store_);
  write_lock(root_ / "y.yaml", locked);
  write_lock(plan_.pipeline_file, locked);
  EXPECT_EQ(read_lock(root_ / "y.yaml").size(), 2u);
  EXPECT_EQ(read_lock(plan_.pipeline_file).size(), 2u);
}

TEST_F(LockFile, RefusesWhatSomeoneWroteAndSaysWhere) {
  write_lock(plan_.pipeline_file, lock(plan_, store_));
  plan_.stages[0].static_parts[3].value = "4";
  plan_.stages[1].inputs[0].from_stage = "other";
  plugin_.version = "1.1.0";
  EXPECT_EQ(compared().refused,
            (std::vector<std::string>{
                "stage 'source': with.lines: 3 -> 4 (x.yaml:4:9)",
                "stage 'source': version of plugin 'p': 1.0.0 -> 1.1.0 (x.yaml:3:3)",
                "stage 'clean': in.documents[0]: source.documents -> other.documents (x.yaml:7:5)",
                "stage 'clean': version of plugin 'p': 1.0.0 -> 1.1.0 (x.yaml:6:3)"}));
}

// The first locks have no "inputs"; there the part of an input begins with its stage.
TEST_F(LockFile, ReadsConnectionsOutOfThePartsOfAnOldLock) {
  LockedPipeline locked = lock(plan_, store_);
  locked["clean"].inputs.clear();
  locked["clean"].parts["in.documents[0]"] = "source " + std::string(64, 'a');
  write_lock(plan_.pipeline_file, locked);
  EXPECT_TRUE(compared().refused.empty()) << compared().refused[0];
  plan_.stages[1].inputs[0].from_stage = "other";
  EXPECT_EQ(
      compared().refused,
      std::vector<std::string>{"stage 'clean': in.documents[0]: source -> other (x.yaml:7:5)"});
}

TEST_F(LockFile, NamesTheInputFilesThatDiffer) {
  write_lock(plan_.pipeline_file, lock(plan_, store_));
  std::ofstream(root_ / "texts" / "b.txt") << "changed";
  std::ofstream(root_ / "texts" / "c.txt") << "c";
  plan_.stages[0].static_parts[1].value = "3 files";
  const auto refused = compared().refused;
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].find("content.train: 2 files -> 3 files (x.yaml:5:9)"), std::string::npos);
  EXPECT_NE(refused[0].find("\n    b.txt: "), std::string::npos) << refused[0];
  EXPECT_NE(refused[0].find("\n    c.txt: (none) -> "), std::string::npos) << refused[0];
  EXPECT_EQ(refused[0].find("a.txt"), std::string::npos);
}

TEST_F(LockFile, OnlyReportsOtherCodeAndMachinesAndWhatComesOfThem) {
  write_lock(plan_.pipeline_file, lock(plan_, store_));
  plan_.stages[0].static_parts[0].value = "2";
  plan_.stages[0].static_parts[2].value = "x86-64-v4";
  plan_.stages[0].static_parts.push_back({"library.libx.so", "1", ""});
  plan_.stages[1].inputs[0].digest = std::string(64, 'd');  // what the new code made
  const LockComparison found = compared();
  EXPECT_TRUE(found.refused.empty()) << found.refused[0];
  EXPECT_EQ(found.reported.size(), 3u);
}

TEST_F(LockFile, WantsTheSameStages) {
  LockedPipeline locked = lock(plan_, store_);
  locked["gone"] = locked["clean"];
  locked.erase("clean");
  write_lock(plan_.pipeline_file, locked);
  EXPECT_EQ(compared().refused,
            (std::vector<std::string>{"stage 'clean' (x.yaml:6:3) is not in the lock file",
                                      "stage 'gone' is locked, and no longer in the pipeline"}));
}

TEST_F(LockFile, TellsOutputsApart) {
  const LockedPipeline locked = lock(plan_, store_);
  StageResult result;
  result.outputs["documents"] = {std::string(64, 'a'), "documents", {}};
  EXPECT_TRUE(compare_outputs(locked, "source", result).empty());
  result.outputs["documents"].digest = std::string(64, 'd');
  EXPECT_EQ(compare_outputs(locked, "source", result),
            std::vector<std::string>{"stage 'source': output 'documents' is " +
                                     std::string(64, 'd') + ", locked is " + std::string(64, 'a')});
}

TEST_F(LockFile, SaysHowToMakeWhatIsMissing) {
  EXPECT_NE(why_not().find("`lehr run"), std::string::npos);
  write_lock(root_ / "y.yaml", lock(plan_, store_));
  EXPECT_NE(why_not().find("says nothing of 'x.yaml'"), std::string::npos);
  plan_.stages[1].state = StageState::run;
  plan_.stages[1].reason = "never run before";
  try {
    lock(plan_, store_);
    FAIL();
  } catch (const LockError& e) {
    EXPECT_NE(std::string(e.what()).find("clean: never run before"), std::string::npos);
  }
}

TEST_F(LockFile, RefusesToReadAnythingElse) {
  for (const char* text :
       {"", "[]", "{\"format\": 1}", "{\"format\": \"1\", \"pipelines\": {}}",
        "{\"format\": 1, \"pipelines\": []}", "{\"format\": 1, \"pipelines\": {\"x.yaml\": 3}}",
        "{\"format\": 1, \"pipelines\": {\"x.yaml\": {\"source\": {}}}}"}) {
    std::ofstream(root_ / "lehr.lock") << text;
    EXPECT_NE(why_not(), "") << text;
  }
  std::ofstream(root_ / "lehr.lock") << "{\"format\": 2, \"pipelines\": {}}";
  EXPECT_NE(why_not().find("format 2"), std::string::npos);
}

// Writing it again would recurse until the stack is gone.
TEST_F(LockFile, RefusesToWriteIntoOneThatIsNestedTooDeep) {
  std::ofstream(root_ / "lehr.lock")
      << "{\"format\": 1, \"pipelines\": {\"other.yaml\": " << std::string(2'000'000, '[')
      << std::string(2'000'000, ']') << "}}";
  EXPECT_THROW(write_lock(root_ / "x.yaml", lock(plan_, store_)), StoreError);
}

}  // namespace
}  // namespace lehr::runtime
