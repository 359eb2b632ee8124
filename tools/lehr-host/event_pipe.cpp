#include "event_pipe.h"

#include <fcntl.h>
#include <lehr/abi.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <string>

namespace lehr::host {

EventPipe::EventPipe(int fd) : fd_(fd) {
  if (fd_ >= 0) ::fcntl(fd_, F_SETFD, FD_CLOEXEC);
}

void EventPipe::send(const nlohmann::ordered_json& event) {
  const std::string line =
      event.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const std::lock_guard lock(mutex_);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd_ >= 0 ? fd_ : STDERR_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

void EventPipe::log(int level, std::string_view text) {
  static const char* names[] = {"debug", "info", "warning"};
  send({{"event", "log"}, {"level", names[level <= 0 ? 0 : level >= 2 ? 2 : 1]}, {"text", text}});
}

void EventPipe::progress(std::uint64_t done, std::uint64_t total, std::string_view unit,
                         std::string_view note) {
  const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::steady_clock::now().time_since_epoch())
                               .count();
  std::int64_t last = last_progress_ms_.load(std::memory_order_relaxed);
  if (done != total && (now - last < 50 || !last_progress_ms_.compare_exchange_strong(last, now)))
    return;
  send({{"event", "progress"}, {"done", done}, {"total", total}, {"unit", unit}, {"note", note}});
}

void EventPipe::metric(std::int64_t step, std::string_view name, double value) {
  nlohmann::ordered_json event = {
      {"event", "metric"}, {"step", step}, {"name", name}, {"value", value}};
  if (!std::isfinite(value)) event["text"] = std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  send(event);
}

}  // namespace lehr::host
