// Bytes that are not cleared when there come to be more of them, as whoever makes room fills it; on
// huge pages where the system has them: large buffers then cost few page faults.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace lehr::text {

class PageBuffer {
 public:
  PageBuffer() = default;
  explicit PageBuffer(std::size_t size) { resize(size); }
  ~PageBuffer() { std::free(data_); }
  PageBuffer(PageBuffer&& other) noexcept { swap(other); }
  PageBuffer(const PageBuffer& other) : PageBuffer(other.size_) {
    std::copy(other.begin(), other.end(), data_);
  }
  PageBuffer& operator=(PageBuffer other) noexcept {
    swap(other);
    return *this;
  }

  // What was there stays, what comes to it is anything.
  void resize(std::size_t size) {
    if (size > capacity_) grow(size);
    size_ = size;
  }
  char* data() { return data_; }
  const char* data() const { return data_; }
  char* begin() { return data_; }
  const char* begin() const { return data_; }
  char* end() { return data_ + size_; }
  const char* end() const { return data_ + size_; }
  std::size_t size() const { return size_; }

 private:
  void swap(PageBuffer& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void grow(std::size_t capacity) {
    constexpr std::size_t kHuge = 2 << 20;
    const std::size_t huge = capacity / kHuge * kHuge;  // whole ones: no more is touched
    void* wider = huge == 0 ? std::malloc(capacity)
                            : std::aligned_alloc(kHuge, huge + (huge < capacity ? kHuge : 0));
    if (wider == nullptr) throw std::bad_alloc();
    if (huge > 0) ::madvise(wider, huge, MADV_HUGEPAGE);
    if (size_ > 0) std::memcpy(wider, data_, size_);
    std::free(data_);
    data_ = static_cast<char*>(wider);
    capacity_ = capacity;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace lehr::text
