// The end of a program that has printed something: a full disk or a closed pipe must not look like
// success.
#pragma once

#include <cerrno>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>

namespace lehr::text {

// Throws std::runtime_error if not all that went to std::cout has been written.
inline void flush_output() {
  errno = 0;
  std::cout.flush();
  if (!std::cout)
    throw std::runtime_error(std::string("the output could not be written: ") +
                             std::strerror(errno != 0 ? errno : EIO));
}

}  // namespace lehr::text
