// Collecting garbage. What stays: the newest runs of each pipeline and living ones, results named
// by these and by held leases, what pins and output links stand on, and everything younger than the
// grace period; with a result stay its artifacts, and the run that made it, which has its log and
// metrics. Deciding and moving away happen under the exclusive lock, which publishing, finding and
// the beginning of a run hold shared; the slow deleting happens after it.
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "runtime/store/input_digests.h"
#include "runtime/store/lease.h"
#include "runtime/store/lineage.h"
#include "runtime/store/output_links.h"
#include "runtime/store/pins.h"
#include "runtime/store/result_index.h"
#include "runtime/store/run_log.h"
#include "runtime/store/spare_work.h"
#include "runtime/store/store.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

// A stage that was stopped keeps its checkpoints this long.
constexpr std::chrono::hours kWorkRetention{24 * 7};

// flags: O_RDWR, or O_RDONLY of who only looks.
FileDescriptor exclusive_lock(const fs::path& path, int flags) {
  FileDescriptor file = open_lock(path, flags);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw IoError("cannot lock", path, errno);
    if (std::chrono::steady_clock::now() > deadline)
      throw StoreError(
          "the store is busy: another process is publishing, exporting "
          "or verifying. Try again later");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return file;
}

struct Runs {
  std::vector<RunEntry> kept, old;  // kept: living ones, and the newest of each pipeline
};

Runs sorted_out(std::vector<RunEntry> newest_first, int keep) {
  Runs out;
  std::map<std::string, int> kept;
  for (RunEntry& run : newest_first) {
    const bool stays = run.status == "running" || kept[run.pipeline]++ < keep;
    (stays ? out.kept : out.old).push_back(std::move(run));
  }
  return out;
}

bool older_than(const fs::path& path, std::chrono::seconds age) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - time >= age;
}

// Of a stage's folder: it was made when the stage began, which may be weeks ago, and what is in
// there changes with every checkpoint.
bool left_for(const fs::path& work, std::chrono::seconds age) {
  std::error_code error;
  for (fs::directory_iterator it(work, error), end; !error && it != end; it.increment(error))
    if (!older_than(it->path(), age)) return false;
  return older_than(work, age);
}

}  // namespace

std::size_t GcReport::count(std::string_view kind) const {
  return static_cast<std::size_t>(std::count_if(
      items.begin(), items.end(), [&](const GcItem& item) { return item.kind == kind; }));
}

std::uint64_t GcReport::bytes() const {
  std::uint64_t total = 0;
  for (const GcItem& item : items) total += item.bytes;
  return total;
}

GcReport ArtifactStore::gc(const GcOptions& options) const {
  GcReport report;
  {
    const FileDescriptor lock =
        exclusive_lock(root_ / "gc.lock", options.dry_run ? O_RDONLY : O_RDWR);
    const Runs runs = sorted_out(list_runs(root_), options.keep_runs);
    std::set<std::string> keys, makers_of_kept;
    for (const RunEntry& run : runs.kept) keys.insert(run.keys.begin(), run.keys.end());
    for (const auto& entry : fs::directory_iterator(root_ / "work")) {
      const std::string key = entry.path().filename().string();
      if (Lease::held(entry.path())) {
        keys.insert(key);
        continue;
      }
      if (const auto run = run_of_spare(key); !run.empty() && is_running(root_ / "runs" / run))
        continue;
      // Scratch folders of imports and verifications have other names; nothing goes on with them.
      const bool finished = fs::exists(result_path(key)) || !is_digest(key);
      const std::chrono::seconds age =
          finished ? options.grace : std::max<std::chrono::seconds>(options.grace, kWorkRetention);
      if (!left_for(entry.path(), age)) continue;
      report.items.push_back({"work", key, tree_bytes(entry.path()), ""});
      if (options.dry_run) continue;
      if (const auto lease = Lease::try_take(entry.path())) discard(entry.path());
    }

    const Lineage lineage(results());
    std::vector<std::string> pinned;
    for (const auto& [digest, pin] : list_pins(*this)) pinned.push_back(digest);
    for (const auto& [digest, link] : list_output_links(*this)) pinned.push_back(digest);
    if (!options.dry_run) forget_lost_output_links(*this);
    auto [pinned_keys, reached] = lineage.above(pinned);
    keys.merge(pinned_keys);
    for (const StageResult& result : lineage.results()) {
      if (keys.contains(result.key) || !older_than(result_path(result.key), options.grace)) {
        for (const auto& [port, output] : result.outputs) reached.insert(output.digest);
        makers_of_kept.insert(result.run);
        continue;
      }
      report.items.push_back({"result", result.key, fs::file_size(result_path(result.key)),
                              result.stage_id + " (" + result.stage + ")"});
      if (!options.dry_run) discard(result_path(result.key));
    }
    for (const RunEntry& run : runs.old) {
      if (makers_of_kept.contains(run.id) || !older_than(run.folder, options.grace)) continue;
      report.items.push_back({"run", run.id, tree_bytes(run.folder), ""});
      if (!options.dry_run) discard(run.folder);
    }
    std::error_code not_there;
    for (const char* folder : {"results", "cache"})  // what was being written when it was killed
      for (const auto& entry : fs::directory_iterator(root_ / folder, not_there))
        if (entry.path().filename().string().starts_with(".") &&
            older_than(entry.path(), options.grace) && !options.dry_run)
          discard(entry.path());
    for (const auto& entry : fs::directory_iterator(root_ / "artifacts")) {
      const std::string digest = entry.path().filename().string();
      if (reached.contains(digest) || !older_than(entry.path(), options.grace)) continue;
      const auto makers = lineage.makers(digest);
      report.items.push_back(
          {"artifact", digest, tree_bytes(entry.path()),
           makers.empty() ? "" : makers.front()->stage_id + " (" + makers.front()->stage + ")"});
      if (!options.dry_run) discard(entry.path());
    }
  }
  if (options.dry_run) return report;
  if (report.count("result") > 0) ResultIndex::remove_all(*this);
  empty_trash();
  forget_changed_inputs(*this);  // last: it needs room for what it writes
  return report;
}

}  // namespace lehr::runtime
