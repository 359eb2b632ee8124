// A file mapped for reading, and a file that appears whole or not at all: what the model formats
// share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace lehr::lm {

// Read-only; the bytes stay valid as long as the object. The file must not be cut meanwhile.
class MappedFile {
 public:
  // Throws std::system_error, or std::runtime_error where it is no regular file or empty.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

// Writes path.partial; commit() fsyncs it, renames it to path and fsyncs the folder. Without
// commit() nothing of path is touched. Throws std::system_error naming the file.
class DurableFile {
 public:
  explicit DurableFile(std::filesystem::path path);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void commit();

 private:
  std::filesystem::path path_, partial_;
  int fd_ = -1;
};

}  // namespace lehr::lm
