// Publishing: from a stage's out/ folder to artifacts/ and results/. Each file is synced once, all
// of them in one go, and then each folder that something was renamed into: on ext4 that is three
// commits of the journal, however many outputs there are. Syncing after every step took seven.
// out/ itself is not synced: without the intention that stands in it a stage is run again, no more.
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "runtime/store/checked_json.h"
#include "runtime/store/store.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

// The result a stage is going to have, in its out/: from then on it is only to be published.
constexpr const char* kIntendedResult = "result.json";

void make_read_only(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) {
      make_read_only(entry.path());
      ::chmod(entry.path().c_str(), 0555);
    } else {
      ::chmod(entry.path().c_str(), 0444);
    }
  }
}

// One that is not has nothing in it that the store does not hold.
bool is_sealed(const fs::path& folder) { return fs::exists(folder / kArtifactFile); }

// Makes the folder what the artifact will be, but for its name.
void seal(const fs::path& folder, const Artifact& artifact) {
  write_file_atomically(folder / kArtifactFile, artifact.to_json().dump(1) + "\n");
  make_read_only(folder);
}

}  // namespace

std::string ArtifactStore::publish(const fs::path& folder, const Artifact& artifact) const {
  const std::string digest = artifact.digest();
  seal(folder, artifact);
  fsync_tree(folder);
  move_in(folder, digest);
  fsync_path(root_ / "artifacts");
  return digest;
}

bool ArtifactStore::holds(const std::string& digest, bool content) const try {
  return fs::exists(artifact_path(digest)) &&
         damage(artifact_path(digest), artifact(digest), content).empty();
} catch (const StoreError&) {  // it cannot be read
  return false;
}

// What is there already with the same content is kept, what is there damaged is replaced.
void ArtifactStore::move_in(const fs::path& folder, const std::string& digest) const {
  const fs::path target = artifact_path(digest);
  const auto present = [&] {
    if (!fs::exists(target)) return false;
    if (holds(digest, true)) return true;
    discard(target);
    return false;
  };
  if (present()) return remove_tree(folder);
  while (::rename(folder.c_str(), target.c_str()) != 0) {
    // Another stage, with the same output, may have been faster.
    const int error = errno;
    if (error != EEXIST && error != ENOTEMPTY)
      throw IoError("cannot rename '" + folder.string() + "' to", target, error);
    if (present()) return remove_tree(folder);
  }
  ::chmod(target.c_str(), 0555);
}

void ArtifactStore::publish(const fs::path& out, const StageResult& result,
                            const std::map<std::string, Artifact>& outputs) const {
  for (const auto& [port, artifact] : outputs)
    if (holds(result.outputs.at(port).digest, true))  // it was made before, the same bit by bit
      fs::remove(out / port / kArtifactFile);
    else
      seal(out / port, artifact);
  write_file_atomically(out / kIntendedResult, checked_json(result.to_json()));
  if (carry_out(out, result)) return;
  for (const auto& [port, artifact] : outputs) seal(out / port, artifact);
  carry_out(out, result);
}

bool ArtifactStore::carry_out(const fs::path& out, const StageResult& result) const {
  std::vector<fs::path> news = {out / kIntendedResult};
  for (const auto& [port, output] : result.outputs)
    if (is_sealed(out / port)) news.push_back(out / port);
  fsync_trees(news);
  const auto lock = shared_lock();
  for (const auto& [port, output] : result.outputs)
    if (!is_sealed(out / port) && !holds(output.digest, false)) return false;  // gc was here
  for (const auto& [port, output] : result.outputs)
    if (is_sealed(out / port)) move_in(out / port, output.digest);
  fsync_path(root_ / "artifacts");
  rename_path(out / kIntendedResult, result_path(result.key));
  fsync_path(root_ / "results");
  return true;
}

bool ArtifactStore::finish_publication(const fs::path& out, std::string_view key) const try {
  if (std::error_code error; !fs::exists(out / kIntendedResult, error) && !error) return false;
  const StageResult result = StageResult::parse(read_checked_text(out / kIntendedResult));
  if (result.key != key) return false;
  for (const auto& [port, output] : result.outputs) {
    const fs::path folder = is_sealed(out / port) ? out / port : artifact_path(output.digest);
    const Artifact artifact = read_artifact(folder);
    if (artifact.digest() != output.digest || !damage(folder, artifact, true).empty()) return false;
  }
  return carry_out(out, result);
} catch (const StoreError&) {
  return false;
} catch (const IoError& e) {
  if (e.error_number == ENOENT) return false;
  throw;
}

void ArtifactStore::write_result(const StageResult& result) const {
  write_file_durably(result_path(result.key), checked_json(result.to_json()));
}

}  // namespace lehr::runtime
