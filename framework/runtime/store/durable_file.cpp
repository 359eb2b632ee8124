#include "runtime/store/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace lehr::runtime {
namespace fs = std::filesystem;

IoError::IoError(std::string_view what, const fs::path& path, int error)
    : std::runtime_error(std::string(what) + " '" + path.string() + "': " + std::strerror(error)),
      error_number(error) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int FileDescriptor::release() { return std::exchange(fd_, -1); }

void FileDescriptor::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

FileDescriptor open_file(const fs::path& path, int flags, int mode) {
  while (true) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return FileDescriptor(fd);
    if (errno != EINTR) throw IoError("cannot open", path, errno);
  }
}

FileDescriptor open_lock(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  return fd >= 0 ? FileDescriptor(fd) : open_file(path, O_RDWR | O_CREAT, 0666);
}

void write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError("cannot write", path, errno);
    if (n == 0) throw IoError("cannot write", path, ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_file(const fs::path& path, std::size_t limit) {
  const FileDescriptor file = open_file(path, O_RDONLY);
  std::string out;
  struct stat info {};
  if (::fstat(file.get(), &info) == 0 && info.st_size > 0)
    out.reserve(std::min(static_cast<std::size_t>(info.st_size), limit));
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError("cannot read", path, errno);
    if (n == 0) return out;
    if (out.size() + static_cast<std::size_t>(n) > limit) throw IoError("cannot read", path, EFBIG);
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

namespace {

void fsync_file(int fd, const fs::path& path) {
  while (::fsync(fd) != 0)
    if (errno != EINTR) throw IoError("cannot write to disk", path, errno);
}

}  // namespace

NewFile::NewFile(fs::path path)
    : path_(std::move(path)),
      temporary_(path_.parent_path() /
                 ("." + path_.filename().string() + ".tmp-" + std::to_string(::getpid()))),
      file_(open_file(temporary_, O_WRONLY | O_CREAT | O_TRUNC)) {}

NewFile::~NewFile() {
  if (file_) ::unlink(temporary_.c_str());
}

void NewFile::write(std::string_view bytes) { write_all(file_.get(), bytes, temporary_); }

void NewFile::commit(bool durably) {
  if (durably) fsync_file(file_.get(), temporary_);
  rename_path(temporary_, path_);
  file_.reset();
  if (durably) fsync_path(path_.has_parent_path() ? path_.parent_path() : ".");
}

void write_file_durably(const fs::path& path, std::string_view bytes) {
  NewFile file(path);
  file.write(bytes);
  file.commit();
}
void write_file_atomically(const fs::path& path, std::string_view bytes) {
  NewFile file(path);
  file.write(bytes);
  file.commit(false);
}

void fsync_path(const fs::path& path) { fsync_file(open_file(path, O_RDONLY).get(), path); }

void fsync_tree(const fs::path& path) { fsync_trees({path}); }

void fsync_trees(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files, folders;
  for (const fs::path& path : paths) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    folders.push_back(path);
    for (fs::recursive_directory_iterator it(path), end; it != end; ++it) {
      if (it->is_symlink()) continue;
      if (it->is_directory())
        folders.push_back(it->path());
      else if (it->is_regular_file())
        files.push_back(it->path());
    }
  }
  // First all are sent on their way: then the file system commits them together.
  if (files.size() > 1)
    for (const fs::path& file : files)
      ::sync_file_range(open_file(file, O_RDONLY).get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  for (const fs::path& file : files) fsync_path(file);
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) fsync_path(*folder);
}

std::future<void> start_fsync_tree(const fs::path& path) {
  constexpr std::uintmax_t kLeastBytes = 4u << 20;  // below, the thread costs more than it saves
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) bytes += entry.file_size();
  if (bytes < kLeastBytes) {
    std::promise<void> nothing;
    nothing.set_value();
    return nothing.get_future();
  }
  return std::async(std::launch::async, [path] { fsync_tree(path); });
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw IoError("cannot rename '" + from.string() + "' to", to, errno);
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return;
  if (error) throw IoError("cannot look at", path, error.value());
  if (status.type() == fs::file_type::directory) {
    ::chmod(path.c_str(), 0755);
    fs::directory_iterator entries(path, error);
    if (error && error.value() != ENOENT) throw IoError("cannot list", path, error.value());
    for (; !error && entries != fs::directory_iterator(); entries.increment(error))
      remove_tree(entries->path());
    if (error && error.value() != ENOENT) throw IoError("cannot list", path, error.value());
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT) throw IoError("cannot remove", path, errno);
  } else if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    throw IoError("cannot remove", path, errno);
  }
}

void empty_folder(const fs::path& path) {
  make_folders(path);
  ::chmod(path.c_str(), 0755);
  std::error_code error;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error))
    remove_tree(entries->path());
  if (error) throw IoError("cannot list", path, error.value());
}

void make_folders(const fs::path& path) {
  // Not by create_directories, which takes a folder that it cannot look at for one that is missing.
  const auto fail = [&](int error) { throw IoError("cannot make the folder", path, error); };
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISDIR(info.st_mode)) fail(ENOTDIR);
    return;
  }
  if (errno != ENOENT) fail(errno);
  if (const fs::path parent = path.parent_path(); !parent.empty()) make_folders(parent);
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) fail(errno);
}

std::uint64_t tree_bytes(const fs::path& path) {
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code gone;  // meanwhile
    if (it->is_regular_file(gone))
      if (const std::uint64_t bytes = it->file_size(gone); !gone) total += bytes;
  }
  return total;
}

}  // namespace lehr::runtime
