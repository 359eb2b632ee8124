// Tells the supervisor what happens, one JSON object a line (stage_spec.h lists them). Without a
// supervisor, as under Slurm, the same is told to people on stderr.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string_view>

namespace lehr::host {

class EventPipe {
 public:
  // fd: an inherited pipe, or -1.
  explicit EventPipe(int fd);

  // From any thread. A supervisor that is gone is no error: the host dies with it.
  void send(const nlohmann::ordered_json& event);
  void log(int level, std::string_view text);
  // Sent at most every 50 ms, but always when done == total.
  void progress(std::uint64_t done, std::uint64_t total, std::string_view unit,
                std::string_view note);
  void metric(std::int64_t step, std::string_view name, double value);
  void phase(std::string_view name) { send({{"event", "phase"}, {"name", name}}); }

 private:
  int fd_;
  std::mutex mutex_;
  std::atomic<std::int64_t> last_progress_ms_{-1000};
};

}  // namespace lehr::host
