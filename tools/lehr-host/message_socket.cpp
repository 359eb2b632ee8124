#include "message_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace lehr::host {
namespace {

constexpr std::uint32_t kLongest = 1u << 30;

bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool receive_all(int fd, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::recv(fd, data, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

bool send_message(int fd, const nlohmann::ordered_json& message) {
  const std::vector<std::uint8_t> bytes = nlohmann::ordered_json::to_msgpack(message);
  if (bytes.size() > kLongest) return false;
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return send_all(fd, reinterpret_cast<const char*>(&size), sizeof size) &&
         send_all(fd, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<nlohmann::ordered_json> receive_message(int fd) {
  std::uint32_t size = 0;
  if (!receive_all(fd, reinterpret_cast<char*>(&size), sizeof size) || size > kLongest)
    return std::nullopt;
  std::vector<std::uint8_t> bytes(size);
  if (!receive_all(fd, reinterpret_cast<char*>(bytes.data()), size)) return std::nullopt;
  auto message = nlohmann::ordered_json::from_msgpack(bytes, true, false);
  if (message.is_discarded()) return std::nullopt;
  return message;
}

}  // namespace lehr::host
