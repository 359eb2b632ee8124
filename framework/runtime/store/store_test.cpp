#include "runtime/store/store.h"

#include <sys/wait.h>

#include <cmath>
#include <limits>

#include "runtime/store/checked_json.h"
#include "runtime/store/lease.h"
#include "runtime/store/run_log.h"
#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

class StoreTest : public ScratchStore {
 protected:
  StageResult result(const std::string& key_text, const std::string& digest) {
    StageResult out;
    out.key = sha256_hex(key_text);
    out.stage = "tally.tally";
    out.outputs["documents"] = {digest, "documents", {{"language", "en"}}};
    out.results["loss"] = {0.1, false};
    out.key_parts = {{"with.lines", "3"}};
    out.stage_id = "one";
    return out;
  }
};

TEST_F(StoreTest, EqualContentHasOneIdentity) {
  const ArtifactStore store(root_ / "store");
  const std::string first = publish(store, "same");
  EXPECT_EQ(publish(store, "same"), first);
  EXPECT_NE(publish(store, "other"), first);
  EXPECT_EQ(store.list().size(), 2u);
  EXPECT_EQ(store.artifact(first).files.at(1).name, "deep/b.txt");
}

TEST_F(StoreTest, PublishingReplacesWhatIsThereDamaged) {
  const ArtifactStore store(root_ / "store");
  const std::string digest = publish(store, "same");
  damage_file(store.artifact_path(digest) / "a.txt", "evil");
  EXPECT_THROW(store.check_content(digest, 1), StoreError);
  EXPECT_EQ(publish(store, "same"), digest);
  store.check_content(digest, 1);
}

TEST_F(StoreTest, AFileThatDoesNotBelongToAnArtifactIsDamage) {
  const ArtifactStore store(root_ / "store");
  const std::string digest = publish(store, "same");
  ::chmod(store.artifact_path(digest).c_str(), 0755);
  std::ofstream(store.artifact_path(digest) / "train-00001.jsonl") << "{}";
  EXPECT_THROW(store.check_content(digest, 1), StoreError);
  ASSERT_EQ(store.verify(1).size(), 1u);
}

TEST_F(StoreTest, DiscardsOnceWhatTwoHaveFoundDamaged) {
  const ArtifactStore store(root_ / "store");
  const std::string digest = publish(store, "same");
  store.discard(store.artifact_path(digest));
  store.discard(store.artifact_path(digest));
  EXPECT_TRUE(store.list().empty());
}

TEST_F(StoreTest, AnArtifactHoldsPlainFilesOnly) {
  const fs::path folder = output("x");
  fs::create_symlink("/etc/passwd", folder / "link");
  EXPECT_THROW(describe_folder(folder, "documents", {}, 1), StoreError);
}

TEST_F(StoreTest, AHitNeedsEveryOutputInItsSize) {
  const ArtifactStore store(root_ / "store");
  const std::string digest = publish(store, "same");
  const StageResult made = result("k", digest);
  EXPECT_FALSE(store.find_result(made.key));
  store.write_result(made);
  const auto found = store.find_result(made.key);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->results.at("loss").value, 0.1);
  EXPECT_EQ(found->key_parts, made.key_parts);
  damage_file(store.artifact_path(digest) / "a.txt", "longer than it was");
  EXPECT_FALSE(store.find_result(made.key));
}

TEST_F(StoreTest, AFlippedBitInAResultIsNoHit) {
  const ArtifactStore store(root_ / "store");
  const StageResult made = result("k", publish(store, "same"));
  store.write_result(made);
  std::string text = read_file(store.result_path(made.key));
  text[text.find("0.1")] = '7';
  damage_file(store.result_path(made.key), text);
  EXPECT_FALSE(store.find_result(made.key));
  EXPECT_EQ(store.verify(1).size(), 1u);
}

TEST_F(StoreTest, AResultOfTheFirstVersionsIsStillRead) {
  const ArtifactStore store(root_ / "store");
  const StageResult made = result("k", publish(store, "same"));
  nlohmann::ordered_json json = made.to_json();
  json["checksum"] = sha256_hex(json.dump());
  write_file_durably(store.result_path(made.key), json.dump(1) + "\n");
  EXPECT_TRUE(store.find_result(made.key));
  json["stage"] = "another";
  write_file_durably(store.result_path(made.key), json.dump(1) + "\n");
  EXPECT_FALSE(store.find_result(made.key));
}

TEST_F(StoreTest, AResultComesBackAsItWasWritten) {
  StageResult made = result("k", std::string(64, 'a'));
  made.results["nan"] = {std::numeric_limits<double>::quiet_NaN(), true};
  made.results["whole"] = {3, false};
  made.key_parts = {{"with.text", "\"quoted\" \\ \xC3\xBC\n"}, {"with.x", ""}};
  made.seconds = 1;
  const StageResult read = StageResult::parse(made.to_json().dump());
  EXPECT_EQ(read.to_json().dump(), made.to_json().dump());  // as text: NaN equals nothing
  EXPECT_TRUE(std::isnan(read.results.at("nan").value));
  EXPECT_THROW(StageResult::parse("{}"), StoreError);
  EXPECT_THROW(StageResult::parse("[1"), StoreError);
}

TEST_F(StoreTest, ADigestIsThatOfTheCanonicalText) {
  const Artifact artifact{
      "documents", {{"b", "2"}, {"a", "\xC3\xBC\""}}, {{"x.txt", 3, "ff"}, {"y", 0, ""}}};
  EXPECT_EQ(
      artifact.digest(),
      sha256_hex("lehr artifact 1\n{\"facets\":{\"a\":\"\xC3\xBC\\\"\",\"b\":\"2\"},\"files\":"
                 "[[\"x.txt\",3,\"ff\"],[\"y\",0,\"\"]],\"type\":\"documents\"}"));
  EXPECT_EQ(Artifact{}.digest(),
            sha256_hex("lehr artifact 1\n{\"facets\":{},\"files\":[],\"type\":\"\"}"));
}

// What a stage leaves that was killed when one of its two outputs had been moved.
TEST_F(StoreTest, APublicationCutShortIsFinished) {
  const ArtifactStore whole(root_ / "whole"), store(root_ / "store");
  std::map<std::string, Artifact> outputs;
  StageResult made = result("k", "");
  made.outputs.clear();
  const auto make = [&](const fs::path& out) {
    for (const std::string port : {"one", "two"}) {
      fs::create_directories(out / port);
      std::ofstream(out / port / "text") << port;
      outputs[port] = describe_folder(out / port, "documents", {}, 1);
      made.outputs[port] = {outputs[port].digest(), "documents", {}};
    }
  };
  make(root_ / "out");
  whole.publish(root_ / "out", made, outputs);
  EXPECT_TRUE(whole.find_result(made.key));
  EXPECT_TRUE(fs::is_empty(root_ / "out"));

  const auto leave = [&] {
    remove_tree(root_ / "out");
    make(root_ / "out");
    store.publish(root_ / "out" / "one", outputs["one"]);
    write_file_atomically(root_ / "out" / "two" / kArtifactFile, outputs["two"].to_json().dump());
    fs::copy_file(whole.result_path(made.key), root_ / "out" / "result.json");
  };
  leave();
  damage_file(root_ / "out" / "two" / "text", "owt");
  EXPECT_FALSE(store.finish_publication(root_ / "out", made.key));
  leave();
  EXPECT_FALSE(store.finish_publication(root_ / "out", sha256_hex("another key")));
  EXPECT_FALSE(store.find_result(made.key));
  EXPECT_TRUE(store.finish_publication(root_ / "out", made.key));
  EXPECT_TRUE(store.find_result(made.key));
  EXPECT_FALSE(store.finish_publication(root_ / "out", made.key));
  EXPECT_TRUE(store.verify(1).empty());
}

TEST_F(StoreTest, ArtifactNamesCannotLeaveTheFolder) {
  for (const char* name : {"../x", "/etc/passwd", "a/../../x", "", "."}) {
    const nlohmann::json json = {{"format", 1},
                                 {"type", "documents"},
                                 {"facets", nlohmann::json::object()},
                                 {"files", {{{"name", name}, {"size", 1}, {"sha256", ""}}}}};
    EXPECT_THROW(Artifact::parse(json.dump()), StoreError) << name;
  }
}

TEST_F(StoreTest, VerifyNamesTheDamagedFileAndDiscardMovesItAway) {
  const ArtifactStore store(root_ / "store");
  const std::string digest = publish(store, "same");
  damage_file(store.artifact_path(digest) / "a.txt", "SAME");
  const auto problems = store.verify(2);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].what.find("a.txt"), std::string::npos);
  store.discard(problems[0].path);
  EXPECT_TRUE(store.verify(2).empty());
}

// As root reads whatever the permissions are, a link to itself stands for what cannot be read.
TEST_F(StoreTest, VerifyTellsWhatCannotBeReadApartFromWhatIsDamaged) {
  const ArtifactStore store(root_ / "store");
  const std::string digest = publish(store, "same"), other = publish(store, "other");
  const StageResult result = made("one", digest);
  store.write_result(result);
  const fs::path file = store.artifact_path(digest) / "a.txt";
  fs::permissions(file.parent_path(), fs::perms::owner_all);
  fs::remove(file);
  fs::create_symlink("a.txt", file);
  damage_file(store.artifact_path(other) / "a.txt", "OTHER");
  std::vector<StoreProblem> problems = store.verify(1);
  ASSERT_EQ(problems.size(), 2u);  // and not the result: nothing is known of its output
  for (const StoreProblem& problem : problems)
    EXPECT_EQ(problem.unreadable, problem.path == file.parent_path()) << problem.what;
  fs::remove(store.result_path(result.key));
  fs::create_symlink(result.key + ".json", store.result_path(result.key));
  problems = store.verify(1);
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_TRUE(problems.back().unreadable);
}

TEST_F(StoreTest, AbbreviatedDigestsMustBeUnambiguous) {
  const ArtifactStore store(root_ / "store");
  const std::string digest = publish(store, "same");
  EXPECT_EQ(store.resolve_digest(digest.substr(0, 8)), digest);
  publish(store, "other");
  EXPECT_THROW(store.resolve_digest(""), StoreError);
  EXPECT_THROW(store.resolve_digest("zz"), StoreError);
}

TEST_F(StoreTest, VerifyBelievesOnlyWhatIsStillWrongWhenNothingIsTaken) {
  const ArtifactStore store(root_ / "store");
  for (const char* name : {"one", "two"}) store.write_result(result(name, publish(store, name)));
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(store.root() / "artifacts"))
    folders.push_back(entry.path());
  const fs::path folder = *std::min_element(folders.begin(), folders.end());
  ::chmod(folder.c_str(), 0755);
  // As if gc took the first artifact before it is looked at, and a run made it again after that.
  const auto meanwhile = [&](std::size_t done, std::size_t) {
    if (done == 0) fs::rename(folder / "artifact.json", folder / "away");
    if (done == 1) fs::rename(folder / "away", folder / "artifact.json");
  };
  EXPECT_TRUE(store.verify(1, meanwhile).empty());
  fs::rename(folder / "artifact.json", folder / "away");
  EXPECT_EQ(store.verify(1).size(), 2u) << "the artifact and its result";
}

TEST_F(StoreTest, OtherUsersMayLockWhatTheUmaskLetsThem) {
  const mode_t before = ::umask(002);
  const ArtifactStore store(root_ / "store");
  store.shared_lock();
  const auto lease = Lease::try_take(store.work_path(sha256_hex("stage")));
  ::umask(before);
  for (const fs::path& file :
       {store.root() / "gc.lock", store.work_path(sha256_hex("stage")) / "lease"})
    EXPECT_EQ(fs::status(file).permissions(), fs::perms(0664)) << file;
}

TEST_F(StoreTest, WhoMayOnlyReadSeesWhatIsHeld) {
  const ArtifactStore store(root_ / "store");
  const RunLog log(store.root(), "p");
  const fs::path work = store.work_path(sha256_hex("stage"));
  const auto lease = Lease::try_take(work);
  store.shared_lock();
  ::chmod(root_.c_str(), 0755);
  for (const fs::path& file : {store.root() / "gc.lock", log.folder() / "lease", work / "lease"})
    ::chmod(file.c_str(), 0444);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) ::_exit(9);
    ::_exit(is_running(log.folder()) && Lease::held(work) && store.shared_lock() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(StoreTest, NamesThatAreNotUtf8AreRefusedInWords) {
  EXPECT_THROW(ArtifactStore(root_ / "st\xF6re"), StoreError);
  const fs::path folder = output("text");
  std::ofstream(folder / "deep" / "na\xEFve.txt") << "x";
  try {
    describe_folder(folder, "documents", {}, 1);
    FAIL();
  } catch (const StoreError& e) {
    EXPECT_NE(std::string(e.what()).find("is not UTF-8"), std::string::npos) << e.what();
  }
}

TEST_F(StoreTest, ALeaseExcludesAndEndsWithItsHolder) {
  const fs::path work = root_ / "work";
  auto lease = Lease::try_take(work);
  ASSERT_TRUE(lease);
  EXPECT_FALSE(Lease::try_take(work));
  EXPECT_TRUE(Lease::held(work));
  lease.reset();
  EXPECT_FALSE(Lease::held(work));
  EXPECT_TRUE(Lease::try_take(work));
}

TEST_F(StoreTest, TellsTheNewestCheckpointThatCanBeRead) {
  const ArtifactStore store(root_ / "store");
  const std::string key(64, '1');
  EXPECT_FALSE(store.checkpoint(key));
  const auto commit = [&](const char* number, const std::string& text) {
    make_folders(store.work_path(key) / "state" / number);
    std::ofstream(store.work_path(key) / "state" / number / "state.json") << text;
  };
  commit("pending", checked_json({{"tag", "not committed"}}));
  EXPECT_FALSE(store.checkpoint(key));
  commit("00000009", checked_json({{"tag", "step 9"}}));
  commit("100000000", checked_json({{"tag", "step 100000000"}}));
  EXPECT_EQ(store.checkpoint(key), "step 100000000");
  commit("100000001", "torn");
  EXPECT_EQ(store.checkpoint(key), "step 100000000");
}

TEST_F(StoreTest, KeysTellListsApartThatJoinToTheSameText) {
  EXPECT_NE(stage_key({{"ab", "c"}}), stage_key({{"a", "bc"}}));
  EXPECT_NE(stage_key({{"a", "b"}, {"c", "d"}}), stage_key({{"a", "b"}}));
  EXPECT_EQ(stage_key({{"a", "b"}}), stage_key({{"a", "b"}}));
}

TEST_F(StoreTest, ARunIsRunningWhileItsLogLives) {
  const ArtifactStore store(root_ / "store");
  {
    RunLog log(store.root(), "my-pipeline");
    log.metric("dpo@beta=0.1", 3, "loss", 1.5);
    EXPECT_EQ(list_runs(store.root()).at(0).status, "running");
    EXPECT_TRUE(fs::exists(log.folder() / "stages" / "dpo@beta=0.1" / "metrics.jsonl"));
  }
  EXPECT_EQ(list_runs(store.root()).at(0).status, "interrupted");
  EXPECT_EQ(list_runs(store.root()).at(0).pipeline, "my-pipeline");
}

}  // namespace
}  // namespace lehr::runtime
