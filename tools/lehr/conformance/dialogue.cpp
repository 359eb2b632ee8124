#include "conformance/dialogue.h"

#include <poll.h>

namespace lehr::conformance {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLines = 8;

}  // namespace

Dialogue hear(runtime::StageProcess& process, std::chrono::milliseconds patience,
              const std::function<bool(const nlohmann::ordered_json&)>& event) {
  Dialogue out;
  auto until = Clock::now() + patience;
  const auto read = [&] {
    process.read(
        [&](const nlohmann::ordered_json& e) {
          if (event(e)) until = Clock::now() + patience;
        },
        [&](const std::string& line) {
          out.last_lines.push_back(line);
          if (out.last_lines.size() > kLines) out.last_lines.pop_front();
        });
  };
  pollfd fds[] = {{process.exit_fd(), POLLIN, 0},
                  {process.events_fd(), POLLIN, 0},
                  {process.output_fd(), POLLIN, 0}};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (out.in_time && left <= 0) {
      out.in_time = false;
      process.kill();
    }
    ::poll(fds, 3, out.in_time ? static_cast<int>(left) : -1);
    for (pollfd& fd : fds)  // a closed pipe is always readable
      if ((fd.revents & POLLHUP) && !(fd.revents & POLLIN)) fd.fd = -1;
    read();
    if (fds[0].revents == 0) continue;
    out.ending = process.collect();
    read();
    return out;
  }
}

}  // namespace lehr::conformance
