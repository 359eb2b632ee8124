#include "runtime/report/artifact_name.h"

#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

class ArtifactName : public ScratchStore {
 protected:
  // A run of `pipeline` that came through these stages.
  std::string run(const std::string& pipeline,
                  const std::vector<std::pair<std::string, std::string>>& stage_keys) {
    RunLog log(store_.root(), pipeline);
    for (const auto& [stage, key] : stage_keys) {
      log.add_keys({key});
      log.event({{"event", "stage_cached"}, {"stage", stage}, {"key", key}});
    }
    log.finish({{"status", "ok"}});
    return log.id();
  }
  std::string result(const std::string& stage, const std::string& text) {
    const StageResult result = made(stage, publish(store_, text));
    store_.write_result(result);
    return result.key;
  }
  std::string digest(const std::string& key) {
    return store_.find_result(key)->outputs.at("documents").digest;
  }
  std::string why_not(const std::string& name, const std::string& pipeline = "") {
    try {
      return find_artifact(store_, name, pipeline).digest;
    } catch (const NameError& e) {
      return e.what();
    }
  }

  ArtifactStore store_{root_ / "store"};
};

TEST_F(ArtifactName, MeansTheNewestRunThatHasTheStage) {
  const std::string old = result("clean", "old"), fresh = result("clean2", "new"),
                    only = result("base", "base");
  const std::string first = run("p", {{"clean", old}, {"base", only}});
  run("p", {{"clean", fresh}});
  EXPECT_EQ(find_artifact(store_, "clean").digest, digest(fresh));
  EXPECT_EQ(find_artifact(store_, "clean.documents").port, "documents");
  EXPECT_EQ(find_artifact(store_, "base").run, first) << "the second run never came to it";
  EXPECT_EQ(find_artifact(store_, first + ":clean").digest, digest(old));
}

TEST_F(ArtifactName, GoesByTheNameInTheRunNotByWhoMadeIt) {
  const std::string key = result("clean", "same");
  run("p", {{"renamed@x=0.1", key}});
  EXPECT_EQ(find_artifact(store_, "renamed@x=0.1.documents").digest, digest(key));
  EXPECT_NE(why_not("clean").find("names no artifact"), std::string::npos);
}

TEST_F(ArtifactName, LooksAtRunsOfOnePipelineOnly) {
  const std::string mine = result("clean", "mine"), other = result("clean2", "other");
  run("mine", {{"clean", mine}});
  run("other", {{"clean", other}});
  EXPECT_EQ(find_artifact(store_, "clean", "mine").digest, digest(mine));
  EXPECT_EQ(find_artifact(store_, "clean", "other").digest, digest(other));
}

TEST_F(ArtifactName, TakesAFolderOfThisStoreAndLinksToIt) {
  const std::string key = result("clean", "text");
  const fs::path folder = store_.artifact_path(digest(key));
  EXPECT_EQ(find_artifact(store_, folder.string()).digest, digest(key));
  fs::create_directory_symlink(folder, root_ / "final");
  EXPECT_EQ(find_artifact(store_, (root_ / "final").string()).digest, digest(key));
  fs::copy(folder, root_ / "copy");
  EXPECT_NE(why_not((root_ / "copy").string()).find("another store"), std::string::npos);
  EXPECT_NE(why_not(root_.string()).find("is no artifact"), std::string::npos);
  EXPECT_NE(why_not("no/where").find("there is no folder"), std::string::npos);
}

TEST_F(ArtifactName, SaysWhatItCouldHaveBeen) {
  StageResult two = made("source", publish(store_, "a"));
  two.outputs["prompts"] = {publish(store_, "b"), "prompts", {}};
  store_.write_result(two);
  const std::string id = run("p", {{"source", two.key}});
  EXPECT_NE(why_not("source").find("source.documents, source.prompts"), std::string::npos);
  try {
    find_artifact(store_, "source.promts");
    FAIL();
  } catch (const NameError& e) {
    EXPECT_EQ(e.known, (std::vector<std::string>{"source.documents", "source.prompts"}));
  }
  EXPECT_NE(why_not("1999:source").find("there is no run '1999'"), std::string::npos);
  run("p", {});
  EXPECT_NE(why_not(id.substr(0, 4) + ":source").find("several runs"), std::string::npos);
  EXPECT_EQ(why_not("last~1:source.documents"), two.outputs.at("documents").digest);
}

TEST_F(ArtifactName, TakesTheBeginningOfADigestIfItIsTheOnlyOne) {
  const std::string one = publish(store_, "one");
  EXPECT_EQ(find_artifact(store_, one.substr(0, 8)).digest, one);
  fs::create_directories(store_.artifact_path(one.substr(0, 8) + std::string(56, '0')));
  EXPECT_NE(why_not(one.substr(0, 8)).find("several artifacts begin"), std::string::npos);
  EXPECT_EQ(find_artifact(store_, one).digest, one);
  EXPECT_NE(why_not(one.substr(0, 3)).find("a digest (at least 4 digits)"), std::string::npos)
      << "three digits are too few";
}

TEST_F(ArtifactName, TellsWhenGcHasTakenIt) {
  const std::string key = result("clean", "text");
  run("p", {{"clean", key}});
  remove_tree(store_.artifact_path(digest(key)));
  EXPECT_NE(why_not("clean").find("no longer in"), std::string::npos);
}

}  // namespace
}  // namespace lehr::runtime
