#include "plan_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

// Sanitizers have a `new` of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

constinit std::uintptr_t g_begin = 0, g_next = 0, g_end = 0;  // of the reserved memory, all rounded
constinit thread_local bool t_takes_from_it = false;

constexpr std::size_t rounded(std::size_t bytes) {
  constexpr std::size_t kAlignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
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
  if (!t_takes_from_it || bytes > g_end - g_next) return from_heap(bytes);
  void* memory = reinterpret_cast<void*>(g_next);
  g_next += rounded(bytes);
  return memory;
}

void operator delete(void* memory) noexcept {
  if (!is_reserved(memory)) std::free(memory);
}

void operator delete(void* memory, std::size_t bytes) noexcept {
  if (!is_reserved(memory)) return std::free(memory);
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  if (t_takes_from_it && begin + rounded(bytes) == g_next) g_next = begin;
}

namespace lehr::cli {

void reserve_plan_memory(std::size_t bytes) {
  constexpr std::uintptr_t kHugePage = 2 << 20;
  void* memory = ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  g_begin = (reinterpret_cast<std::uintptr_t>(memory) + kHugePage - 1) / kHugePage * kHugePage;
  g_next = g_begin;
  g_end = g_begin + rounded(bytes);
  ::madvise(reinterpret_cast<void*>(g_begin), bytes, MADV_HUGEPAGE);  // refused: small pages
  t_takes_from_it = true;
}

}  // namespace lehr::cli
#else
void lehr::cli::reserve_plan_memory(std::size_t) {}
#endif
