#include "runtime/store/output_links.h"

#include <unistd.h>

#include <cerrno>

#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

// Links are followed from where folders really are: what lies above the store may be reached by
// links that another command is not given.
fs::path links_folder(const ArtifactStore& store) {
  return fs::weakly_canonical(store.root()) / "links";
}

// The artifact of this store that the link leads to; empty: none.
std::string artifact_of(const ArtifactStore& store, const fs::path& link) {
  std::error_code error;
  const std::string digest = fs::read_symlink(link, error).filename().string();
  const bool is_there = !error && is_digest(digest) &&
                        fs::equivalent(link, store.artifact_path(digest), error) && !error;
  return is_there ? digest : std::string();
}

// Calls visit(entry, link, digest), the last empty if the link leads to nothing any more.
template <class Visit>
void for_each_link(const ArtifactStore& store, Visit visit) {
  const fs::path folder = links_folder(store);
  if (!fs::exists(folder)) return;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::error_code error;  // gc beside us may have taken it away
    const fs::path target = fs::read_symlink(entry.path(), error);
    if (error) continue;
    fs::path link = (folder / target).lexically_normal();
    std::string digest = artifact_of(store, link);
    if (digest.empty()) {  // as it was remembered once: by the path that was given
      link = (store.root() / "links" / target).lexically_normal();
      digest = artifact_of(store, link);
    }
    visit(entry.path(), link, digest);
  }
}

}  // namespace

void remember_output_link(const ArtifactStore& store, const fs::path& link) {
  const fs::path place = fs::absolute(link).lexically_normal(), folder = links_folder(store),
                 target = (fs::weakly_canonical(place.parent_path()) / place.filename())
                              .lexically_relative(folder),
                 entry = folder / sha256_hex(target.string());
  make_folders(folder);
  if (::symlink(target.c_str(), entry.c_str()) != 0) {
    if (errno == EEXIST) return;
    throw IoError("cannot make the link", entry, errno);
  }
  fsync_path(folder);
  fsync_path(store.root());
}

std::map<std::string, fs::path> list_output_links(const ArtifactStore& store) {
  std::map<std::string, fs::path> out;
  for_each_link(store, [&](const fs::path&, const fs::path& link, const std::string& digest) {
    if (!digest.empty()) out[digest] = link;
  });
  return out;
}

void forget_lost_output_links(const ArtifactStore& store) {
  for_each_link(store, [&](const fs::path& entry, const fs::path&, const std::string& digest) {
    if (digest.empty()) ::unlink(entry.c_str());
  });
}

}  // namespace lehr::runtime
