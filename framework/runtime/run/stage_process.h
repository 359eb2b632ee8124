// A stage host seen from outside: started, listened to, asked to stop, killed. Everything here is
// used from the executor's one thread; the descriptors are meant for poll(2).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {

class StageProcess {
 public:
  // Starts `host mode file` (mode: "--spec", "--check", ...), which makes a process group of its
  // own, so that a Ctrl-C on the terminal reaches only us. Call from a thread that outlives it: the
  // host is killed with its parent thread. environment: "NAME=value", empty: ours. Throws IoError.
  StageProcess(const std::filesystem::path& host, const std::string& mode,
               const std::filesystem::path& file, const std::vector<std::string>& environment = {});
  // The same ahead of time: `host mode -`, which waits for what would stand in the file.
  StageProcess(const std::filesystem::path& host, const std::string& mode);
  // To one that waits. If it has died, its end will tell.
  void give(std::string_view text);  // all that there is
  // A part; as much of it as it takes within that time.
  void send(std::string_view text, std::chrono::milliseconds patience);
  bool has_ended() const;
  // Kills what is left of the group.
  ~StageProcess();
  StageProcess(const StageProcess&) = delete;
  StageProcess& operator=(const StageProcess&) = delete;

  pid_t pid() const { return pid_; }
  int events_fd() const { return events_.get(); }
  int output_fd() const { return output_.get(); }
  int exit_fd() const { return exit_.get(); }  // readable once the process has ended

  // Reads what is there, or a good part of it, without waiting. event: each event object; line:
  // each line the plugin printed.
  void read(const std::function<void(const nlohmann::ordered_json&)>& event,
            const std::function<void(const std::string&)>& line);

  void ask_to_stop();  // SIGTERM to the host
  void kill();         // SIGKILL to its group

  struct Ending {
    int code = 0;
    int signal = 0;            // not 0: killed by it
    std::string text() const;  // "died by signal 11 (Segmentation fault)"
  };
  // After exit_fd() is readable: ends the rest of the group and collects the process. Call read()
  // afterwards once more for what it said last.
  Ending collect();

 private:
  pid_t pid_ = -1;
  FileDescriptor input_, events_, output_, exit_;
  std::string event_buffer_, output_buffer_;
};

// To be called when this process has been stopped and goes on: continues the hosts that this thread
// has started, with all that they have started. One that was stopped as it left our process group
// is out of reach of what continued us.
void continue_hosts();
// To be called on SIGTSTP (Ctrl-Z), which reaches none of them: stops them, then this process, and
// continues them with it.
void stop_with_hosts();

}  // namespace lehr::runtime
