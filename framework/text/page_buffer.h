// Bytes that are not cleared when there come to be more of them, as whoever makes room fills it; on
// huge pages where the system has them: large buffers then cost few page faults.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace lehr::text {

template <class T>
struct PageAllocator {
  using value_type = T;
  PageAllocator() = default;
  template <class U>
  explicit PageAllocator(const PageAllocator<U>&) {}

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    const std::size_t huge = bytes / kHugeBytes * kHugeBytes;  // whole ones: no more is touched
    if (huge == 0) return std::allocator<T>().allocate(count);
    void* data = std::aligned_alloc(kHugeBytes, huge + (huge < bytes ? kHugeBytes : 0));
    if (data == nullptr) throw std::bad_alloc();
    ::madvise(data, huge, MADV_HUGEPAGE);
    return static_cast<T*>(data);
  }
  void deallocate(T* data, std::size_t count) {
    if (count * sizeof(T) < kHugeBytes)
      std::allocator<T>().deallocate(data, count);
    else
      std::free(data);
  }
  void construct(T*) {}
  template <class U, class... Arguments>
  void construct(U* at, Arguments&&... arguments) {
    ::new (static_cast<void*>(at)) U(std::forward<Arguments>(arguments)...);
  }
  bool operator==(const PageAllocator&) const = default;

 private:
  static constexpr std::size_t kHugeBytes = 2 << 20;
};

using PageBuffer = std::vector<char, PageAllocator<char>>;

}  // namespace lehr::text
