// tbb::parallel_sort, where ThreadSanitizer does not look on: TBB's library is not instrumented, so
// every element that one thread moves for another would be a finding, and the sort would take hours
// to be told of none. There, one thread sorts.
#pragma once

#ifdef __SANITIZE_THREAD__
#include <algorithm>
#else
#include <tbb/parallel_sort.h>
#endif

namespace lehr::text {

// By <, on the threads of the caller's arena.
template <class Iterator>
void parallel_sort(Iterator begin, Iterator end) {
#ifdef __SANITIZE_THREAD__
  std::sort(begin, end);
#else
  tbb::parallel_sort(begin, end);
#endif
}

}  // namespace lehr::text
