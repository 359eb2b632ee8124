#include "runtime/run/output_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include <cerrno>
#include <map>

#include "runtime/store/output_links.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

// A link into a store.
bool is_our_link(const fs::path& path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return !error && is_digest(target.filename().string()) &&
         target.parent_path().filename() == "artifacts";
}

// What a copy holds beyond what its artifact.json says; empty: nothing. A file that is missing is
// nobody's loss.
std::string addition(const fs::path& folder) try {
  std::map<std::string, std::uint64_t> sizes = {
      {kArtifactFile, fs::file_size(folder / kArtifactFile)}};
  for (const ArtifactFile& file : read_artifact(folder).files) sizes[file.name] = file.size;
  const auto made = fs::last_write_time(folder / kArtifactFile);  // written last
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    if (entry.is_directory() && !entry.is_symlink()) continue;
    const auto size = sizes.find(name);
    if (size == sizes.end()) return "holds '" + name + "', which Lehr did not put there";
    if (entry.last_write_time() > made || entry.file_size() != size->second)
      return "has been changed since: '" + name + "'";
  }
  return "";
} catch (const std::exception&) {
  return "is not empty and was not made by Lehr";
}

// The folder appears whole or not at all; what was there before is gone afterwards.
void swap_in(const fs::path& fresh, const fs::path& folder) {
  if (!fs::exists(fs::symlink_status(folder))) return rename_path(fresh, folder);
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0)
    return remove_tree(fresh);
  if (errno != EINVAL && errno != ENOSYS) throw IoError("cannot replace", folder, errno);
  const fs::path old = fresh.string() + ".old";  // a file system that cannot exchange
  remove_tree(old);
  rename_path(folder, old);
  rename_path(fresh, folder);
  remove_tree(old);
}

void copy_artifact(const fs::path& from, const Artifact& artifact, const fs::path& to) {
  make_folders(to);
  const auto copy = [&](const std::string& name) {
    make_folders((to / name).parent_path());
    std::error_code error;
    fs::copy_file(from / name, to / name, error);
    if (error) throw IoError("cannot write", to / name, error.value());
    fs::permissions(to / name, fs::perms::owner_write, fs::perm_options::add);
  };
  for (const ArtifactFile& file : artifact.files) copy(file.name);
  copy(kArtifactFile);
  fsync_tree(to);
}

}  // namespace

std::string why_not_ours(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(folder, error);
  if (!fs::exists(status)) return "";
  if (fs::is_symlink(status)) return is_our_link(folder) ? "" : "is a link that Lehr did not make";
  if (!fs::is_directory(status)) return "is not a folder";
  if (fs::is_empty(folder, error)) return "";
  return addition(folder);
}

bool put_output(const ArtifactStore& store, const std::string& digest, const fs::path& folder,
                bool link) {
  const fs::path artifact = store.artifact_path(digest), parent = folder.parent_path();
  make_folders(parent);
  // Two runs may end at one time.
  const FileDescriptor lock = open_file(parent, O_RDONLY | O_DIRECTORY);
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (errno != EINTR) throw IoError("cannot lock", parent, errno);

  if (const std::string why = why_not_ours(folder); !why.empty())
    throw StoreError("'" + folder.string() + "' " + why +
                     ". Move it away, or name another folder with 'to'");
  const fs::path fresh = parent / ("." + folder.filename().string() + ".lehr-new");
  remove_tree(fresh);
  FileDescriptor no_gc;  // between remembering a link and making it
  if (link) {
    no_gc = store.shared_lock();
    remember_output_link(store, folder);
    // From where both really are: `parent` may be reached by a link.
    const fs::path target = (fs::canonical(store.root()) / "artifacts" / digest)
                                .lexically_relative(fs::canonical(parent));
    std::error_code error;
    if (fs::read_symlink(folder, error) == target && !error) return false;
    store.check_content(digest, 1);
    fs::create_directory_symlink(target, fresh);
  } else {
    const Artifact wanted = store.artifact(digest);
    const bool is_copy = fs::is_directory(fs::symlink_status(folder)) && !fs::is_empty(folder);
    if (is_copy && read_artifact(folder).digest() == digest &&
        damage(folder, wanted, false).empty())
      return false;
    store.check_content(digest, 1);
    copy_artifact(artifact, wanted, fresh);
  }
  swap_in(fresh, folder);
  fsync_path(parent);
  return true;
}

bool put_outputs(const Plan& plan, const std::vector<StageOutcome>& outcomes,
                 const ArtifactStore& store, RunJournal& journal) {
  bool all = true;
  for (const PipelineOutput& output : plan.outputs)
    for (const StageOutcome& outcome : outcomes) {
      if (outcome.id != output.stage) continue;
      std::error_code error;
      if (outcome.status == StageStatus::skipped && plan.find(output.stage)->selected &&
          fs::exists(output.to, error))
        journal.tell({{"event", "output_kept"},
                      {"name", output.name},
                      {"path", output.to.string()},
                      {"stage_skipped", output.stage}});
      if (!outcome.result) continue;
      const auto found = outcome.result->outputs.find(output.port);
      if (found == outcome.result->outputs.end()) continue;
      try {
        const bool changed = put_output(store, found->second.digest, output.to, output.link);
        journal.tell({{"event", "output"},
                      {"name", output.name},
                      {"path", output.to.string()},
                      {"type", found->second.type},
                      {"digest", found->second.digest},
                      {"changed", changed}});
      } catch (const std::exception& e) {
        all = false;
        journal.tell({{"event", "output_failed"}, {"name", output.name}, {"message", e.what()}});
      }
    }
  return all;
}

}  // namespace lehr::runtime
