// A program in a process group of its own, of which nothing is left when this object is gone: not
// when the program ends and leaves others behind, and not when this process is killed.
//
// Between the two stands a guard, a process that leads the group and does nothing but wait: for the
// program's end, which it tells us, or for ours. Either way it kills the group, itself included. A
// death signal for the program alone would not reach what the program has started.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::command {

class ChildProcess {
 public:
  // Starts argv[0], looked for in PATH, with exactly this environment ("NAME=value") in `folder`.
  // Its stdin is empty, its stderr is ours. Call from a thread that outlives it. Throws Error.
  ChildProcess(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
               const std::filesystem::path& folder);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Waits for output or the end, at most so long. line: each line it printed, without its newline.
  // False: it has ended and everything was read.
  bool wait(int timeout_ms, const std::function<void(std::string_view)>& line);
  void terminate();  // SIGTERM to the group
  void kill();       // SIGKILL to the group

  // After wait() said false. Empty: exit code 0; else "ended with exit code 3", "died by signal 9
  // (Killed)".
  std::string failure() const;

 private:
  void collect();
  void read_lines(const std::function<void(std::string_view)>& line);

  pid_t guard_ = -1;
  int output_ = -1, status_pipe_ = -1;
  int status_ = -1;  // of waitpid; -1: the guard did not tell
  std::string buffer_;
};

}  // namespace lehr::plugins::command
