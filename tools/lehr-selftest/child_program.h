// A program that is run for the lines it prints.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::selftest {

struct Ended {
  int code = 0;      // exit code; 128 + signal where one ended it
  std::string said;  // on standard error
};

// Runs arguments[0], a path, to its end. `line` is given each line of its standard output; false
// kills it with SIGKILL. It is asked to end (SIGTERM) when this process dies. Throws
// std::system_error where it cannot be started.
Ended run_program(const std::vector<std::string>& arguments,
                  const std::function<bool(std::string_view)>& line);

}  // namespace lehr::selftest
