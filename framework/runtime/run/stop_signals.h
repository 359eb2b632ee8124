// SIGINT, SIGTERM and SIGHUP as a descriptor for poll(2) instead of a handler, as long as the
// object lives; SIGTSTP, so that who takes it can stop what he has started before he stops himself;
// and SIGCONT, which tells that the process had been stopped. From then on for good, writing to a
// pipe that nobody reads is an error and no death.
#pragma once

#include <signal.h>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  int fd() const { return fd_.get(); }
  // The signal that has arrived, or 0.
  int take();

 private:
  sigset_t before_;
  FileDescriptor fd_;
};

}  // namespace lehr::runtime
