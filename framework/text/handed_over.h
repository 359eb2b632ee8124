// Tells ThreadSanitizer what it cannot see: that TBB, whose library is not instrumented, hands work
// and its results from one thread to another. What TBB calls stands in a scope, and so does the
// call of TBB itself. A scope sees all that was written before those that began or ended earlier
// did so; two that overlap are still held against each other. Without ThreadSanitizer it is
// nothing.
#pragma once

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace lehr::text {

class HandedOver {
 public:
  // over: any address, the same for all that take part.
  explicit HandedOver([[maybe_unused]] const void* over) {
#ifdef __SANITIZE_THREAD__
    over_ = const_cast<void*>(over);
    meet();
#endif
  }
  ~HandedOver() {
#ifdef __SANITIZE_THREAD__
    meet();
#endif
  }
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;

#ifdef __SANITIZE_THREAD__
 private:
  void meet() {
    __tsan_acquire(over_);
    __tsan_release(over_);
  }
  void* over_;
#endif
};

}  // namespace lehr::text
