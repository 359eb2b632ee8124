#include "plan_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

// Sanitizers have a `new` of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

struct Room {
  std::uintptr_t next = 0, end = 0;
  bool has(std::size_t bytes) const { return bytes <= end - next; }
};
struct Free {
  Free* next;
};

constinit std::uintptr_t g_begin = 0, g_end = 0;  // of the reserved memory, all rounded
constinit Room g_fresh;                           // never given out
constinit thread_local bool t_takes_from_it = false;
// What came back: by size, and the largest block. It is given out first, as it is in the
// processor's cache, and a page of 2 MiB that is not begun need not be cleared.
constexpr std::size_t kAlignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__, kLargestListed = 4096;
constinit Free* g_free[kLargestListed / kAlignment + 1] = {};
constinit Room g_used;

constexpr std::size_t rounded(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

bool is_reserved(const void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory) - g_begin < g_end - g_begin;
}

void* from_heap(std::size_t bytes) {
  for (;;) {
    if (void* memory = std::malloc(bytes)) return memory;
    const std::new_handler handler = std::get_new_handler();
    if (!handler) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

// The forms for arrays and without exceptions call these.
void* operator new(std::size_t bytes) {
  if (bytes == 0) bytes = 1;
  if (!t_takes_from_it) return from_heap(bytes);
  if (bytes <= kLargestListed)
    if (Free*& first = g_free[rounded(bytes) / kAlignment])
      return std::exchange(first, first->next);
  Room& room = g_used.has(bytes) ? g_used : g_fresh;
  if (!room.has(bytes)) return from_heap(bytes);
  return reinterpret_cast<void*>(std::exchange(room.next, room.next + rounded(bytes)));
}

void operator delete(void* memory) noexcept {
  if (!is_reserved(memory)) std::free(memory);
}

void operator delete(void* memory, std::size_t bytes) noexcept {
  if (!is_reserved(memory)) return std::free(memory);
  if (!t_takes_from_it) return;
  bytes = rounded(bytes == 0 ? 1 : bytes);
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  if (begin + bytes == g_fresh.next)
    g_fresh.next = begin;
  else if (bytes <= kLargestListed)
    g_free[bytes / kAlignment] = new (memory) Free{g_free[bytes / kAlignment]};
  else if (!g_used.has(bytes))
    g_used = {begin, begin + bytes};
}

namespace lehr::cli {

void reserve_plan_memory(std::size_t bytes) {
  constexpr std::uintptr_t kHugePage = 2 << 20;
  void* memory = ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  g_begin = (reinterpret_cast<std::uintptr_t>(memory) + kHugePage - 1) / kHugePage * kHugePage;
  g_end = g_begin + rounded(bytes);
  g_fresh = {g_begin, g_end};
  ::madvise(reinterpret_cast<void*>(g_begin), bytes, MADV_HUGEPAGE);  // refused: small pages
  t_takes_from_it = true;
}

}  // namespace lehr::cli
#else
void lehr::cli::reserve_plan_memory(std::size_t) {}
#endif
