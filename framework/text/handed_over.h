// Tells ThreadSanitizer what it cannot see: that TBB, whose library is not instrumented, hands work
// and its results from one thread to another. What TBB calls stands in a scope, and so does the
// call of TBB itself; the scope is the first thing there, as TBB also hands over what a lambda
// holds. A scope sees all that was written before those that began or ended earlier did so; two
// that overlap are still held against each other. Without ThreadSanitizer it is nothing.
#pragma once

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace lehr::text {

class HandedOver {
 public:
  HandedOver() { meet(); }
  ~HandedOver() { meet(); }
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;

 private:
  static void meet() {
#ifdef __SANITIZE_THREAD__
    static char over;  // an address that is the same for all
    __tsan_acquire(&over);
    __tsan_release(&over);
#endif
  }
};

}  // namespace lehr::text
