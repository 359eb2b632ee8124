// A file for what a stage cannot hold in memory: without a name, so that it is gone with the
// process, however that ends. Whoever can go on after a kill makes it anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace lehr::text {

class ScratchFile {
 public:
  // folder: of the file system that is to hold it. Throws Error if no file can be made there.
  explicit ScratchFile(std::filesystem::path folder);
  ~ScratchFile();
  ScratchFile(ScratchFile&& other) noexcept;
  ScratchFile& operator=(ScratchFile&& other) noexcept;

  // Throw Error, naming the folder. Reading: any thread.
  void append(const void* bytes, std::size_t size);
  void read(std::uint64_t at, void* bytes, std::size_t size) const;
  std::uint64_t size() const { return size_; }
  // Makes it at least so long, with zeros that have their place on the disk.
  void reserve(std::uint64_t size);
  // All of it as memory, whose changes are the file's; ended with munmap. The object may go before.
  void* map() const;

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path folder_;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace lehr::text
