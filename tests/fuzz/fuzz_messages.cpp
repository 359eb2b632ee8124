// What a reward's process may write into its socket: taken for a message, or for none.
#include <sys/socket.h>
#include <unistd.h>

#include "input_file.h"
#include "message_socket.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMost = 1 << 16;  // fits the socket's buffer
  if (size > kMost) return 0;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  const auto length = static_cast<std::uint32_t>(size);
  if (::send(ends[0], &length, sizeof length, 0) != ssize_t{sizeof length}) std::abort();
  if (size > 0 && ::send(ends[0], data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  ::shutdown(ends[0], SHUT_WR);
  if (const auto message = lehr::host::receive_message(ends[1])) {
    const nlohmann::ordered_json copy = *message;
    if (copy.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).empty())
      std::abort();
  }
  for (const int end : ends) ::close(end);
  return 0;
}
