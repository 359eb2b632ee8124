// Zeroed memory for large tables, on huge pages where the system has them: a random probe then
// costs a cache miss but no page walk. Given back when the object goes.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include <sys/mman.h>

namespace lehr::text {

class ZeroedPages {
 public:
  explicit ZeroedPages(std::size_t bytes = 0) : bytes_(bytes) {
    if (bytes_ == 0) return;
    data_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) throw std::bad_alloc();
    if (bytes_ >= kHuge) ::madvise(data_, bytes_, MADV_HUGEPAGE);
  }
  ~ZeroedPages() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
  }
  ZeroedPages(ZeroedPages&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  ZeroedPages& operator=(ZeroedPages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kHuge = 2 << 20;
  void* data_ = nullptr;
  std::size_t bytes_;
};

}  // namespace lehr::text
