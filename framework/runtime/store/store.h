// The content-addressed store. Files are the truth; a reader never sees a partial object.
//
//   artifacts/<digest>/   published, read-only
//   results/<key>.json    stage key -> outputs, named numbers, key parts
//   work/<key>/           a stage in progress: lease, state/<number>/state.json, out/<port>/
//   runs/<run>/           see run_log.h
//   pins/                 see pins.h
//   cache/                what can be found out again at any time
//   trash/                what gc or a repair moved away, being deleted
//   gc.lock               held shared while something is published or found, exclusively while gc
//   decides
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/artifact.h"
#include "runtime/store/durable_file.h"
#include "runtime/store/stage_result.h"

namespace lehr::runtime {

struct ArtifactEntry {
  std::string digest;
  Artifact artifact;
  std::string stage_id, stage, run;  // of the newest result that has it; empty if none does
};

struct StoreProblem {
  std::filesystem::path path;
  std::string what;
  bool unreadable = false;  // as it is now, so nothing is known of its content
};

struct GcOptions {
  // Younger things stay, whatever reaches them. Nothing in flight depends on it (leases, run logs
  // and gc.lock protect that): it is the time to think again after an experiment. Checkpoints of
  // stopped stages stay a week at least.
  std::chrono::seconds grace{3600};
  int keep_runs = 3;  // newest runs of each pipeline that stay, with their results
  bool dry_run = false;
};

struct GcItem {
  std::string kind;  // "artifact", "result", "work", "run"
  std::string name;  // digest, key or id
  std::uint64_t bytes = 0;
  std::string made_by;  // "clean (filter.filter)"; empty: not known
};

// What was removed, or with dry_run would be.
struct GcReport {
  std::vector<GcItem> items;
  std::size_t count(std::string_view kind) const;
  std::uint64_t bytes() const;
};

class ArtifactStore {
 public:
  // Creates the folders if they are missing. Throws IoError.
  explicit ArtifactStore(std::filesystem::path root);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path artifact_path(std::string_view digest) const;
  std::filesystem::path result_path(std::string_view key) const;
  std::filesystem::path work_path(std::string_view key) const;

  // A hit: the result is there and every output exists with the right sizes. Content is not read. A
  // damaged result file or output is no hit.
  std::optional<StageResult> find_result(std::string_view key) const;
  // Throws StoreError if there is no such artifact.
  Artifact artifact(std::string_view digest) const;
  // Throws StoreError naming the damaged file if the content is not what the digest says.
  void check_content(std::string_view digest, unsigned threads) const;

  // Moves a finished folder into artifacts/ durably and gives its digest. What is there already
  // with the same content is kept, what is there damaged is replaced. The caller holds
  // shared_lock().
  std::string publish(const std::filesystem::path& folder, const Artifact& artifact) const;
  // Publishes all outputs of a stage and then its result. `out` holds a folder for each output.
  // What is about to happen is written down there first, so that a process that is killed in
  // between is finished by finish_publication(), not repeated.
  void publish(const std::filesystem::path& out, const StageResult& result,
               const std::map<std::string, Artifact>& outputs) const;
  // Finishes a publication that was cut short. False: there was none, or its files are gone or
  // damaged.
  bool finish_publication(const std::filesystem::path& out, std::string_view key) const;
  void write_result(const StageResult& result) const;
  // Of a stage in progress: the tag of the newest state that it has committed and that can be read,
  // which the next attempt goes on from. What the state holds is not looked at.
  std::optional<std::string> checkpoint(std::string_view key) const;
  // While held, gc removes nothing. Waits for a gc that is deciding (milliseconds).
  FileDescriptor shared_lock() const;

  // Sorted by type, then digest. damaged: how many are left out, as they cannot be read.
  std::vector<ArtifactEntry> list(std::size_t* damaged = nullptr) const;
  std::vector<StageResult> results() const;
  // The digest an abbreviation stands for. Throws StoreError: none, or several.
  std::string resolve_digest(std::string_view prefix) const;

  // Hashes everything. `seen` is called before each artifact with (done, total).
  std::vector<StoreProblem> verify(
      unsigned threads, const std::function<void(std::size_t, std::size_t)>& seen = {}) const;
  // Moves a damaged artifact or result away, so that the next run makes it again.
  void discard(const std::filesystem::path& path) const;
  // Throws StoreError if the lock cannot be had because something is being published right now.
  GcReport gc(const GcOptions& options) const;

  std::uint64_t free_bytes() const;

 private:
  // What is wrong with these just now; what is gone is not. `seen` as in verify().
  std::vector<StoreProblem> problems_of(
      const std::vector<std::filesystem::path>& artifacts,
      const std::vector<std::filesystem::path>& results, unsigned threads,
      const std::function<void(std::size_t, std::size_t)>& seen) const;
  void move_in(const std::filesystem::path& folder, const std::string& digest) const;
  // True if the artifact is in the store, whole as far as was looked.
  bool holds(const std::string& digest, bool content) const;
  // False: an output that was left out, because the store held it, is gone; nothing was published.
  bool carry_out(const std::filesystem::path& out, const StageResult& result) const;
  void empty_trash() const;
  std::filesystem::path root_;
};

// True for 64 lower-case hex digits: what may become a file name in the store.
bool is_digest(std::string_view text);

}  // namespace lehr::runtime
