#include "runtime/store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <set>

#include "runtime/store/checked_json.h"
#include "runtime/store/json_text.h"

namespace lehr::runtime {
namespace fs = std::filesystem;
namespace {

// Throws IoError, StoreError.
StageResult read_result(const fs::path& path) {
  const auto damaged = [&](const std::string& why) -> StoreError {
    return StoreError("'" + path.string() + "' is damaged: " + why);
  };
  const std::string text = read_checked_text(path);
  StageResult out;
  try {
    out = StageResult::parse(text);
  } catch (const StoreError& e) {
    throw damaged(e.what());
  }
  if (out.key != path.stem().string()) throw damaged("it belongs to another key");
  for (const auto& [port, output] : out.outputs)
    if (!is_digest(output.digest)) throw damaged("output '" + port + "' has no digest");
  return out;
}

}  // namespace

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

ArtifactStore::ArtifactStore(fs::path root)
    : root_(fs::absolute(std::move(root)).lexically_normal()) {
  if (!is_utf8(root_.string()))  // stages are told it as JSON
    throw StoreError("the path of the store, '" + root_.string() +
                     "', is not UTF-8. Name another with --store or LEHR_STORE");
  const bool fresh = !fs::exists(root_ / "trash");  // the last one that is made
  for (const char* folder : {"artifacts", "results", "work", "runs", "trash"})
    make_folders(root_ / folder);
  if (!fresh) return;
  fsync_path(root_);
  fsync_path(root_.parent_path());
}

fs::path ArtifactStore::artifact_path(std::string_view digest) const {
  return root_ / "artifacts" / digest;
}
fs::path ArtifactStore::result_path(std::string_view key) const {
  return root_ / "results" / (std::string(key) + ".json");
}
fs::path ArtifactStore::work_path(std::string_view key) const { return root_ / "work" / key; }

std::optional<StageResult> ArtifactStore::find_result(std::string_view key) const try {
  const fs::path path = result_path(key);
  // Mostly it is not there, and to throw is slow in a process that has not thrown yet.
  if (std::error_code error; !is_digest(key) || (!fs::exists(path, error) && !error))
    return std::nullopt;
  StageResult result = read_result(path);
  for (const auto& [port, output] : result.outputs)
    if (!damage(artifact_path(output.digest), artifact(output.digest), false).empty())
      return std::nullopt;
  return result;
} catch (const StoreError&) {
  return std::nullopt;
} catch (const IoError& e) {
  if (e.error_number == ENOENT || e.error_number == ENOTDIR) return std::nullopt;
  throw;
}

std::optional<std::string> ArtifactStore::checkpoint(std::string_view key) const {
  std::vector<fs::path> states;
  std::error_code error;
  for (fs::directory_iterator it(work_path(key) / "state", error), end; !error && it != end;
       it.increment(error))
    if (it->path().filename() != "pending") states.push_back(it->path());
  std::sort(states.begin(), states.end(), [](const fs::path& a, const fs::path& b) {
    const std::string first = a.filename(), second = b.filename();  // numbers
    return std::pair(first.size(), first) > std::pair(second.size(), second);
  });
  for (const fs::path& state : states) {
    try {
      return read_checked_json(state / "state.json").at("tag").get<std::string>();
    } catch (const std::exception&) {  // the host warns of it, and goes back further, too
    }
  }
  return std::nullopt;
}

Artifact ArtifactStore::artifact(std::string_view digest) const {
  const auto none = [&] {
    return StoreError("there is no artifact " + std::string(digest) + " in '" + root_.string() +
                      "'");
  };
  if (!is_digest(digest)) throw none();
  const fs::path folder = artifact_path(digest);
  Artifact out;
  try {
    out = read_artifact(folder);
  } catch (const IoError& e) {
    if (e.error_number != ENOENT && e.error_number != ENOTDIR) throw;
    if (!fs::exists(folder)) throw none();
    throw StoreError(e.what());
  }
  if (out.digest() != digest)
    throw StoreError("'" + (folder / kArtifactFile).string() +
                     "' is damaged: it describes another artifact");
  return out;
}

void ArtifactStore::check_content(std::string_view digest, unsigned threads) const {
  if (const std::string why = damage(artifact_path(digest), artifact(digest), true, threads);
      !why.empty())
    throw StoreError(
        "artifact " + std::string(digest.substr(0, 12)) + " is damaged: " + why +
        ". 'lehr store verify --discard' moves it away, so that the next run makes it again");
}

// Only to make the file may take the right to write: whoever may read a store can look into it.
FileDescriptor ArtifactStore::shared_lock() const {
  const fs::path path = root_ / "gc.lock";
  FileDescriptor file = open_lock(path, O_RDONLY);
  while (::flock(file.get(), LOCK_SH) != 0)
    if (errno != EINTR) throw IoError("cannot lock", path, errno);
  return file;
}

std::vector<StageResult> ArtifactStore::results() const {
  std::vector<StageResult> out;
  for (const auto& entry : fs::directory_iterator(root_ / "results")) {
    if (!is_digest(entry.path().stem().string()) || entry.path().extension() != ".json") continue;
    try {
      out.push_back(read_result(entry.path()));
    } catch (const StoreError&) {  // no result; verify tells about it
    } catch (const IoError& e) {
      if (e.error_number != ENOENT) throw;  // it may well be one
    }
  }
  return out;
}

std::vector<ArtifactEntry> ArtifactStore::list(std::size_t* damaged) const {
  std::map<std::string, StageResult> made_by;  // the newest for each artifact
  for (const StageResult& result : results())
    for (const auto& [port, output] : result.outputs)
      if (auto& newest = made_by[output.digest];
          newest.key.empty() || newest.unix_time < result.unix_time)
        newest = result;
  std::vector<ArtifactEntry> out;
  for (const auto& entry : fs::directory_iterator(root_ / "artifacts")) {
    const std::string digest = entry.path().filename().string();
    try {
      const StageResult& made = made_by[digest];
      out.push_back({digest, artifact(digest), made.stage_id, made.stage, made.run});
    } catch (const std::exception&) {  // verify tells about it
      if (damaged != nullptr && is_digest(digest) && fs::exists(entry.path())) ++*damaged;
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.artifact.type, a.digest) < std::tie(b.artifact.type, b.digest);
  });
  return out;
}

std::string ArtifactStore::resolve_digest(std::string_view prefix) const {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(root_ / "artifacts"))
    if (const std::string name = entry.path().filename().string(); name.starts_with(prefix))
      found.push_back(name);
  if (found.empty())
    throw StoreError("no artifact in '" + root_.string() + "' begins with '" + std::string(prefix) +
                     "'");
  if (found.size() > 1)
    throw StoreError(std::to_string(found.size()) + " artifacts begin with '" +
                     std::string(prefix) + "'; give more digits");
  return found.front();
}

std::vector<StoreProblem> ArtifactStore::problems_of(
    const std::vector<fs::path>& artifacts, const std::vector<fs::path>& results, unsigned threads,
    const std::function<void(std::size_t, std::size_t)>& seen) const {
  std::vector<StoreProblem> problems;
  for (std::size_t i = 0; i < artifacts.size(); ++i) {
    const fs::path& folder = artifacts[i];
    if (seen) seen(i, artifacts.size());
    try {
      const std::string digest = folder.filename().string();
      if (const std::string why = damage(folder, artifact(digest), true, threads); !why.empty())
        problems.push_back({folder, why});
    } catch (const IoError& e) {
      problems.push_back({folder, e.what(), e.error_number != EIO});
    } catch (const std::exception& e) {
      problems.push_back({folder, e.what()});
    }
  }
  std::set<fs::path> damaged;  // a result goes with its artifact: the next run makes both again
  for (const StoreProblem& problem : problems)
    if (!problem.unreadable) damaged.insert(problem.path);
  for (const fs::path& file : results) {
    try {
      for (const auto& [port, output] : read_result(file).outputs) {
        const fs::path folder = artifact_path(output.digest);
        if (const bool there = fs::exists(folder); !there || damaged.contains(folder))
          problems.push_back({file, "output '" + port + "' (" + output.digest.substr(0, 12) +
                                        ") is " + (there ? "damaged" : "missing")});
      }
    } catch (const IoError& e) {
      problems.push_back({file, e.what(), e.error_number != EIO});
    } catch (const std::exception& e) {
      problems.push_back({file, e.what()});
    }
  }
  // What gc has taken away meanwhile is no problem; a result goes before its artifacts.
  std::erase_if(problems, [](const StoreProblem& p) {
    std::error_code error;
    return fs::symlink_status(p.path, error).type() == fs::file_type::not_found;
  });
  return problems;
}

std::vector<StoreProblem> ArtifactStore::verify(
    unsigned threads, const std::function<void(std::size_t, std::size_t)>& seen) const {
  std::vector<fs::path> artifacts, results;
  for (const auto& entry : fs::directory_iterator(root_ / "artifacts"))
    artifacts.push_back(entry.path());
  std::sort(artifacts.begin(), artifacts.end());
  for (const auto& entry : fs::directory_iterator(root_ / "results"))
    if (!entry.path().filename().string().starts_with("."))  // else it is being written
      results.push_back(entry.path());
  const auto suspects = problems_of(artifacts, results, threads, seen);
  if (suspects.empty()) return {};
  // Under our eyes gc may have taken something and a run have made it again, the same: only what is
  // still wrong when nothing is taken is wrong.
  FileDescriptor lock;
  try {
    lock = shared_lock();
  } catch (const IoError&) {  // nobody takes anything from a store that cannot be written
  }
  std::set<fs::path> again;
  for (const StoreProblem& suspect : suspects) again.insert(suspect.path);
  const auto not_again = [&](const fs::path& path) { return !again.contains(path); };
  std::erase_if(artifacts, not_again);
  std::erase_if(results, not_again);
  return problems_of(artifacts, results, threads, {});
}

void ArtifactStore::discard(const fs::path& path) const {
  static std::atomic<unsigned> counter{0};
  ::chmod(path.c_str(), 0755);
  while (true) {
    const fs::path away = root_ / "trash" /
                          (path.filename().string() + "." + std::to_string(::getpid()) + "." +
                           std::to_string(counter++));
    if (::rename(path.c_str(), away.c_str()) == 0) break;
    const int error = errno;
    if (error == ENOENT && !fs::exists(path)) return;  // somebody else has found it as well
    // Left there by a process of the same number.
    if (error != EEXIST && error != ENOTEMPTY && error != EISDIR && error != ENOTDIR)
      throw IoError("cannot rename '" + path.string() + "' to", away, error);
  }
  fsync_path(path.parent_path());
}

void ArtifactStore::empty_trash() const {
  for (const auto& entry : fs::directory_iterator(root_ / "trash")) remove_tree(entry.path());
}

std::uint64_t ArtifactStore::free_bytes() const {
  struct statvfs info {};
  if (::statvfs(root_.c_str(), &info) != 0)
    throw IoError("cannot ask for the free space of", root_, errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace lehr::runtime
