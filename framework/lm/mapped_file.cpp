#include "lm/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace lehr::lm {
namespace {

[[noreturn]] void system_failure(const std::filesystem::path& path, const char* action) {
  throw std::system_error(errno, std::generic_category(), path.string() + ": cannot " + action);
}

struct FileDescriptor {
  int fd;
  explicit FileDescriptor(int fd) : fd(fd) {}
  ~FileDescriptor() {
    if (fd >= 0) close(fd);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
};

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) system_failure(path, "open");
  struct stat status;
  if (fstat(file.fd, &status) != 0) system_failure(path, "stat");
  if (!S_ISREG(status.st_mode)) throw std::runtime_error(path.string() + ": not a regular file");
  if (status.st_size == 0) throw std::runtime_error(path.string() + ": the file is empty");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* mapping = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (mapping == MAP_FAILED) system_failure(path, "map");
  bytes_ = {static_cast<const std::byte*>(mapping), size};
}

MappedFile::~MappedFile() { munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

DurableFile::DurableFile(std::filesystem::path path)
    : path_(std::move(path)), partial_(path_.string() + ".partial") {
  fd_ = open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd_ < 0) system_failure(partial_, "create");
}

DurableFile::~DurableFile() {
  if (fd_ >= 0) close(fd_);
}

void DurableFile::write(const void* data, std::size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(fd_, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) system_failure(partial_, "write");
    at += written;
    bytes -= static_cast<std::size_t>(written);
  }
}

void DurableFile::commit() {
  if (fsync(fd_) != 0) system_failure(partial_, "sync");
  close(std::exchange(fd_, -1));
  std::filesystem::rename(partial_, path_);
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const FileDescriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd < 0 || fsync(directory.fd) != 0) system_failure(folder, "sync");
}

}  // namespace lehr::lm
