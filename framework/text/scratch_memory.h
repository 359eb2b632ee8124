// Memory on disk: every allocation is a mapped file without a name, which the kernel writes out and
// drops when others need the room. Slower than the heap only where it does not fit in memory, and
// gone with the process. For large blocks; give small ones a pool above it.
#pragma once

#include <filesystem>
#include <memory_resource>
#include <utility>

namespace lehr::text {

class ScratchMemory : public std::pmr::memory_resource {
 public:
  // folder: of the file system that is to hold it.
  explicit ScratchMemory(std::filesystem::path folder) : folder_(std::move(folder)) {}

 private:
  // Throws Error if the disk has no room.
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* data, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::filesystem::path folder_;
};

}  // namespace lehr::text
