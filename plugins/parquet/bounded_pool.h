// Memory for Arrow that refuses pieces that an honest file could not fill. A page says how long it
// is, and Arrow makes room, and even clears it, before it looks whether that is true: a file of 700
// bytes could take two gigabytes and the seconds to clear them.
#pragma once

#include <arrow/memory_pool.h>

#include <cstdint>
#include <string>

namespace lehr::plugins::parquet {

// For one thread.
class BoundedPool : public arrow::MemoryPool {
 public:
  using arrow::MemoryPool::Allocate;
  using arrow::MemoryPool::Free;
  using arrow::MemoryPool::Reallocate;

  // Of one piece of memory; a larger one is refused as CapacityError. file: what the file can hold;
  // any: what no file may ask for, which the user has set.
  void set_limits(std::int64_t file, std::int64_t any) { file_ = file, any_ = any; }

  arrow::Status Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) override;
  arrow::Status Reallocate(std::int64_t old_size, std::int64_t new_size, std::int64_t alignment,
                           std::uint8_t** memory) override;
  void Free(std::uint8_t* memory, std::int64_t size, std::int64_t alignment) override;
  std::int64_t bytes_allocated() const override { return pool_.bytes_allocated(); }
  std::int64_t total_bytes_allocated() const override { return pool_.total_bytes_allocated(); }
  std::int64_t num_allocations() const override { return pool_.num_allocations(); }
  std::string backend_name() const override { return pool_.backend_name(); }

 private:
  arrow::Status look_at(std::int64_t size) const;

  arrow::MemoryPool& pool_ = *arrow::system_memory_pool();
  std::int64_t file_ = 64 << 20, any_ = 64 << 20;
};

}  // namespace lehr::plugins::parquet
