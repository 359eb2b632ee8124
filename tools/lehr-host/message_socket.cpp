#include "message_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace lehr::host {
namespace {

constexpr std::uint32_t kLongest = 1u << 30, kPiece = 1u << 20;
constexpr int kAskAgainMs = 100;
constexpr std::size_t kDeepest = 16;  // reading and dropping a deeper one would overrun the stack

using Json = nlohmann::ordered_json;

// Whether the bytes are a message whose values are not nested deeper than ours are.
class DepthCheck : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ <= kDeepest; }
  bool end_object() override { return --depth_, true; }
  bool start_array(std::size_t) override { return ++depth_ <= kDeepest; }
  bool end_array() override { return --depth_, true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  std::size_t depth_ = 0;
};

// Until the socket is ready. False: given up.
bool wait_for(int fd, short events, const GiveUp& give_up) {
  pollfd socket = {fd, events, 0};
  while (::poll(&socket, 1, give_up ? kAskAgainMs : -1) <= 0)
    if (give_up && give_up()) return false;
  return true;
}

// Calls transfer(data, size), which does not wait and gives how much it did, until all is done.
template <class Byte, class Transfer>
bool do_all(int fd, short events, Byte* data, std::size_t size, const GiveUp& give_up,
            Transfer transfer) {
  while (size > 0) {
    const ssize_t n = transfer(data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (!wait_for(fd, events, give_up)) return false;
      continue;
    }
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool send_all(int fd, const char* data, std::size_t size, const GiveUp& give_up) {
  return do_all(fd, POLLOUT, data, size, give_up, [fd](const char* from, std::size_t bytes) {
    return ::send(fd, from, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
  });
}

bool receive_all(int fd, char* data, std::size_t size, const GiveUp& give_up) {
  return do_all(fd, POLLIN, data, size, give_up,
                [fd](char* to, std::size_t bytes) { return ::recv(fd, to, bytes, MSG_DONTWAIT); });
}

}  // namespace

bool send_message(int fd, const Json& message, const GiveUp& give_up) {
  const std::vector<std::uint8_t> bytes = Json::to_msgpack(message);
  if (bytes.size() > kLongest) return false;
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return send_all(fd, reinterpret_cast<const char*>(&size), sizeof size, give_up) &&
         send_all(fd, reinterpret_cast<const char*>(bytes.data()), bytes.size(), give_up);
}

std::optional<Json> receive_message(int fd, const GiveUp& give_up) {
  std::uint32_t size = 0;
  if (!receive_all(fd, reinterpret_cast<char*>(&size), sizeof size, give_up) || size > kLongest)
    return std::nullopt;
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < size) {  // what is announced takes no memory until it comes
    const std::size_t done = bytes.size();
    bytes.resize(std::min<std::size_t>(size, done + kPiece));
    if (!receive_all(fd, reinterpret_cast<char*>(bytes.data() + done), bytes.size() - done,
                     give_up))
      return std::nullopt;
  }
  DepthCheck depth;
  if (!Json::sax_parse(bytes, &depth, Json::input_format_t::msgpack)) return std::nullopt;
  auto message = Json::from_msgpack(bytes, true, false);
  if (message.is_discarded()) return std::nullopt;
  return message;
}

}  // namespace lehr::host
