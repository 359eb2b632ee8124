// Threads over independent items. What an item computes never depends on which thread ran it or how
// many there are.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
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

}  // namespace lehr::lm
