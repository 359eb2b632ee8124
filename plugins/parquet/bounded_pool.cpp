#include "bounded_pool.h"

#include <arrow/status.h>

namespace lehr::plugins::parquet {

arrow::Status BoundedPool::look_at(std::int64_t size) const {
  if (size > file_)
    return arrow::Status::CapacityError("a part of it is said to take ", size,
                                        " bytes, more than the file can hold");
  if (size > any_)
    return arrow::Status::CapacityError("a part of it is said to take ", size,
                                        " bytes, more than max_page_bytes (", any_,
                                        "). Raise it if the file is what it should be");
  return arrow::Status::OK();
}

arrow::Status BoundedPool::Allocate(std::int64_t size, std::int64_t alignment, std::uint8_t** out) {
  ARROW_RETURN_NOT_OK(look_at(size));
  return pool_.Allocate(size, alignment, out);
}

arrow::Status BoundedPool::Reallocate(std::int64_t old_size, std::int64_t new_size,
                                      std::int64_t alignment, std::uint8_t** memory) {
  ARROW_RETURN_NOT_OK(look_at(new_size));
  return pool_.Reallocate(old_size, new_size, alignment, memory);
}

void BoundedPool::Free(std::uint8_t* memory, std::int64_t size, std::int64_t alignment) {
  pool_.Free(memory, size, alignment);
}

}  // namespace lehr::plugins::parquet
