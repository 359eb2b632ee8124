// Threads over independent items. What an item computes never depends on which thread ran it or how
// many there are.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace lehr::lm {

// Items of unequal cost: threads take the next one when free. `f(int64_t item)` must not throw.
template <class F>
void parallel_items(int64_t count, F&& f) {
  const int threads = static_cast<int>(std::min<int64_t>(count, at::get_num_threads()));
  if (threads <= 1 || at::in_parallel_region()) {
    for (int64_t i = 0; i < count; ++i) f(i);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int64_t i = 0; i < count; ++i) f(i);
}

// Equal blocks of `block` of [0, count): `f(int64_t begin, int64_t end)`, must not throw.
template <class F>
void parallel_blocks(int64_t count, int64_t block, F&& f) {
  parallel_items((count + block - 1) / block,
                 [&](int64_t i) { f(i * block, std::min(count, (i + 1) * block)); });
}

// Where the threads of one parallel region wait for each other, often and for microseconds: they
// spin, and sleep where it takes longer. What was written before is seen behind it.
class Meeting {
 public:
  // -> a number of the thread's own. All join, and are seen to, before one waits.
  int join() { return threads_.fetch_add(1, std::memory_order_relaxed); }
  int threads() const { return threads_.load(std::memory_order_relaxed); }

  void wait() {
    const uint32_t round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads()) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      round_.notify_all();
      return;
    }
    constexpr int kSpins = 2048;  // some fifty microseconds
    for (int spin = 0; spin < kSpins; ++spin) {
      if (round_.load(std::memory_order_acquire) != round) return;
      __builtin_ia32_pause();
    }
    round_.wait(round, std::memory_order_acquire);
  }

 private:
  std::atomic<int> threads_ = 0;
  std::atomic<int> arrived_ = 0;
  alignas(64) std::atomic<uint32_t> round_ = 0;
};

}  // namespace lehr::lm
