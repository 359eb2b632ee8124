#include "huge_pages.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <limits>

namespace lehr::cli {

void reserve_huge_pages(std::size_t bytes) {
  constexpr std::uintptr_t kHugePage = 2 << 20;
  constexpr int kLargestThreshold = 32 << 20;
  // What is large comes out of the heap too and is not mapped apart; what is freed stays.
  mallopt(M_MMAP_THRESHOLD, kLargestThreshold);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, static_cast<int>(bytes));
  mallopt(M_ARENA_MAX, 1);  // for other threads as well
  const auto end_of_heap = [] { return reinterpret_cast<std::uintptr_t>(::sbrk(0)); };
  const std::uintptr_t begin = (end_of_heap() + kHugePage - 1) / kHugePage * kHugePage;
  void* volatile grows_it = std::malloc(kHugePage);  // volatile: or both calls are left out
  std::free(grows_it);
  const std::uintptr_t end = end_of_heap() / kHugePage * kHugePage;
  // A kernel without them refuses, which changes nothing.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

}  // namespace lehr::cli
