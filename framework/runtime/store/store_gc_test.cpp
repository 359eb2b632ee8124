#include <chrono>

#include "runtime/store/lease.h"
#include "runtime/store/pins.h"
#include "runtime/store/run_log.h"
#include "runtime/store/scratch_store.h"

namespace lehr::runtime {
namespace {

namespace fs = std::filesystem;

class StoreGcTest : public ScratchStore {
 protected:
  StageResult result(const std::string& key_text, const std::string& digest) {
    StageResult out = made("one", digest);
    out.key = sha256_hex(key_text);
    return out;
  }
};

TEST_F(StoreGcTest, KeepsWhatTheNewestRunsReachAndWhatIsLeased) {
  const ArtifactStore store(root_ / "store");
  const StageResult old = result("old", publish(store, "old")),
                    fresh = result("new", publish(store, "new"));
  store.write_result(old);
  store.write_result(fresh);
  {
    RunLog log(store.root(), "p");
    log.add_keys({fresh.key});
    log.finish({{"status", "ok"}});
  }
  const std::string leased = sha256_hex("leased"), left = sha256_hex("left");
  const auto lease = Lease::try_take(store.work_path(leased));
  ASSERT_TRUE(lease);
  fs::create_directories(store.work_path(left));
  store.write_result(result("left", publish(store, "new")));

  GcOptions options;
  EXPECT_EQ(store.gc(options).count("artifact"), 0u)
      << "all of it is younger than the grace period";
  options.grace = std::chrono::seconds(0);
  options.dry_run = true;
  EXPECT_EQ(store.gc(options).count("artifact"), 1u);
  EXPECT_TRUE(store.find_result(old.key)) << "a dry run removes nothing";
  options.dry_run = false;
  const GcReport report = store.gc(options);
  EXPECT_EQ(report.count("result"), 2u);
  EXPECT_EQ(report.count("artifact"), 1u);
  EXPECT_EQ(report.count("work"), 1u);
  EXPECT_FALSE(store.find_result(old.key));
  EXPECT_TRUE(store.find_result(fresh.key));
  EXPECT_TRUE(fs::exists(store.work_path(leased)));
  EXPECT_TRUE(fs::is_empty(store.root() / "trash"));
}

TEST_F(StoreGcTest, TakesOldRunsAndKeepsThoseThatMadeWhatStays) {
  const ArtifactStore store(root_ / "store");
  const auto run = [&](const std::string& pipeline, const StageResult* made_here = nullptr) {
    RunLog log(store.root(), pipeline);
    log.write_plan("{}");
    log.finish({{"status", "ok"}});
    if (made_here != nullptr) {
      StageResult result = *made_here;
      result.run = log.id();
      store.write_result(result);
    }
    return log.id();
  };
  const StageResult pinned = result("pinned", publish(store, "pinned")),
                    lost = result("lost", publish(store, "lost"));
  const std::string maker = run("p", &pinned), of_lost = run("p", &lost), idle = run("p"),
                    newest = run("p"), other = run("q");
  pin(store, pinned.outputs.begin()->second.digest, "");
  const RunLog living(store.root(), "q");
  const auto is_there = [&](const std::string& id) {
    return fs::exists(store.root() / "runs" / id);
  };
  for (const std::string& id : {maker, of_lost, idle})  // before the newest, within one second
    fs::last_write_time(store.root() / "runs" / id / "lease",
                        fs::file_time_type::clock::now() - std::chrono::minutes(1));

  GcOptions options;
  options.keep_runs = 1;
  EXPECT_EQ(store.gc(options).count("run"), 0u) << "all are younger than the grace period";
  options.grace = std::chrono::seconds(0);
  options.dry_run = true;
  EXPECT_EQ(store.gc(options).count("run"), 2u);
  EXPECT_TRUE(is_there(idle)) << "a dry run removes nothing";
  options.dry_run = false;
  const GcReport report = store.gc(options);
  EXPECT_EQ(report.count("run"), 2u);
  for (const GcItem& item : report.items) EXPECT_GT(item.bytes, 0u) << item.kind;
  EXPECT_FALSE(is_there(idle));
  EXPECT_FALSE(is_there(of_lost));
  EXPECT_TRUE(is_there(maker)) << "it has the log of what is pinned";
  EXPECT_TRUE(is_there(newest));
  EXPECT_TRUE(is_there(other));
  EXPECT_TRUE(is_there(living.id()));
  EXPECT_TRUE(fs::is_empty(store.root() / "trash"));
  options.keep_runs = 0;
  EXPECT_EQ(store.gc(options).count("run"), 2u) << "all but the living one and the maker";
  EXPECT_TRUE(is_there(living.id()));
}

// As root reads whatever the permissions are, a link to itself stands for what cannot be read.
TEST_F(StoreGcTest, TakesNothingIfItCannotReadWhatIsReached) {
  const ArtifactStore store(root_ / "store");
  const StageResult reached = result("reached", publish(store, "reached"));
  store.write_result(reached);
  fs::path keys;
  {
    RunLog log(store.root(), "p");
    log.add_keys({reached.key});
    log.finish({{"status", "ok"}});
    keys = store.root() / "runs" / log.id() / "keys";
  }
  GcOptions options;
  options.grace = std::chrono::seconds(0);
  for (const fs::path& unreadable : {keys, store.result_path(reached.key), store.root() / "runs"}) {
    const fs::path away = root_ / "away";
    fs::rename(unreadable, away);
    fs::create_symlink(unreadable.filename(), unreadable);
    EXPECT_THROW(store.gc(options), IoError) << unreadable;
    fs::remove(unreadable);
    fs::rename(away, unreadable);
  }
  EXPECT_TRUE(store.find_result(reached.key));
  EXPECT_EQ(store.gc(options).items.size(), 0u);
}

TEST_F(StoreGcTest, TakesWhatAKilledImportOrVerificationLeft) {
  const ArtifactStore store(root_ / "store");
  const fs::path left = store.work_path("verify-1-2"), used = store.work_path("import-1-2"),
                 stage = store.work_path(sha256_hex("stopped"));
  const auto lease = Lease::try_take(used);
  for (const fs::path& folder : {left, used, stage}) {
    fs::create_directories(folder);
    fs::last_write_time(folder, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  EXPECT_EQ(store.gc(GcOptions()).count("work"), 1u);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(used)) << "it is in use";
  EXPECT_TRUE(fs::exists(stage)) << "its checkpoints stay a week";
}

TEST_F(StoreGcTest, KeepsTheCheckpointsOfAStageThatTookWeeks) {
  const ArtifactStore store(root_ / "store");
  const fs::path stage = store.work_path(sha256_hex("long")), state = stage / "state";
  fs::create_directories(state / "00000001");
  const auto now = fs::file_time_type::clock::now();
  fs::last_write_time(stage, now - std::chrono::hours(24 * 20));  // when it began
  fs::last_write_time(state, now - std::chrono::hours(2));        // its last checkpoint
  EXPECT_EQ(store.gc(GcOptions()).count("work"), 0u);
  fs::last_write_time(state, now - std::chrono::hours(24 * 8));
  EXPECT_EQ(store.gc(GcOptions()).count("work"), 1u);
}

TEST_F(StoreGcTest, KeepsWhatPinsStandOn) {
  const ArtifactStore store(root_ / "store");
  const std::string source = publish(store, "source"), clean = publish(store, "clean"),
                    model = publish(store, "model"), other = publish(store, "other"),
                    sibling = publish(store, "sibling");
  StageResult cleaning = made("clean", clean, {source});
  cleaning.outputs["prompts"] = {sibling, "documents", {{"language", "en"}}};
  const std::vector<StageResult> kept = {made("source", source), cleaning,
                                         made("base", model, {clean})};
  for (const StageResult& result : kept) store.write_result(result);
  store.write_result(made("exam", other, {model}));  // reads the model; the pin does not need it
  pin(store, model, "the one we ship");
  EXPECT_EQ(list_pins(store).at(model).reason, "the one we ship");

  GcOptions options;
  options.grace = std::chrono::seconds(0);
  const GcReport report = store.gc(options);
  EXPECT_EQ(report.count("artifact"), 1u);
  EXPECT_EQ(report.count("result"), 1u);
  for (const StageResult& result : kept) EXPECT_TRUE(store.find_result(result.key));
  EXPECT_FALSE(fs::exists(store.artifact_path(other)));

  EXPECT_TRUE(unpin(store, model));
  EXPECT_FALSE(unpin(store, model));
  EXPECT_EQ(store.gc(options).count("artifact"), 4u);
}

TEST_F(StoreGcTest, ADamagedPinStillHolds) {
  const ArtifactStore store(root_ / "store");
  const std::string digest = publish(store, "model");
  pin(store, digest, "why");
  damage_file(store.root() / "pins" / (digest + ".json"), "{");
  EXPECT_EQ(list_pins(store).at(digest).unix_time, 0);
  GcOptions options;
  options.grace = std::chrono::seconds(0);
  EXPECT_TRUE(store.gc(options).items.empty());
}

TEST_F(StoreGcTest, OnlyWhatIsThereCanBePinned) {
  const ArtifactStore store(root_ / "store");
  EXPECT_THROW(pin(store, sha256_hex("nothing"), ""), StoreError);
  EXPECT_TRUE(list_pins(store).empty());
}

}  // namespace
}  // namespace lehr::runtime
