#include "message_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

namespace lehr::host {
namespace {

constexpr std::uint32_t kLongest = 1u << 30, kPiece = 1u << 20;
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

bool send_message(int fd, const Json& message) {
  const std::vector<std::uint8_t> bytes = Json::to_msgpack(message);
  if (bytes.size() > kLongest) return false;
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return send_all(fd, reinterpret_cast<const char*>(&size), sizeof size) &&
         send_all(fd, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<Json> receive_message(int fd) {
  std::uint32_t size = 0;
  if (!receive_all(fd, reinterpret_cast<char*>(&size), sizeof size) || size > kLongest)
    return std::nullopt;
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < size) {  // what is announced takes no memory until it comes
    const std::size_t done = bytes.size();
    bytes.resize(std::min<std::size_t>(size, done + kPiece));
    if (!receive_all(fd, reinterpret_cast<char*>(bytes.data() + done), bytes.size() - done))
      return std::nullopt;
  }
  DepthCheck depth;
  if (!Json::sax_parse(bytes, &depth, Json::input_format_t::msgpack)) return std::nullopt;
  auto message = Json::from_msgpack(bytes, true, false);
  if (message.is_discarded()) return std::nullopt;
  return message;
}

}  // namespace lehr::host
