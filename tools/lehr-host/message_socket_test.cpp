#include "message_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace lehr::host {
namespace {

class MessageSocket : public testing::Test {
 protected:
  MessageSocket() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) std::abort();
  }
  ~MessageSocket() override {
    for (const int end : ends_) ::close(end);
  }
  // Sends bytes as a message, and gives what it is taken for.
  std::optional<nlohmann::ordered_json> taken(const std::string& bytes) {
    std::thread sender([&] {
      const auto size = static_cast<std::uint32_t>(bytes.size());
      (void)!::send(ends_[0], &size, sizeof size, MSG_NOSIGNAL);
      for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t n = ::send(ends_[0], bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
        if (n <= 0) return;
        at += static_cast<std::size_t>(n);
      }
    });
    auto message = receive_message(ends_[1]);
    sender.join();
    return message;
  }
  int ends_[2];
};

TEST_F(MessageSocket, CarriesAnyBytesAndNumbers) {
  const nlohmann::ordered_json message = {
      {"exchanges", {{"\xff\xfe", std::string(3 << 20, 'x'), "", 1}}}, {"scores", {0.1, 1e300}}};
  std::thread sender([&] { EXPECT_TRUE(send_message(ends_[0], message)); });
  const auto got = receive_message(ends_[1]);
  sender.join();
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, message);
}

// A reward runs code that we do not know, and it may write to the socket itself.
TEST_F(MessageSocket, RefusesWhatWouldOverrunTheStack) {
  EXPECT_FALSE(taken(std::string(8 << 20, '\x91')));
  EXPECT_TRUE(taken("\x91\x91\x91\x01"));
}

TEST_F(MessageSocket, RefusesWhatIsNoMessage) {
  EXPECT_FALSE(taken("\xc1"));
  EXPECT_FALSE(taken("\xdd\xff\xff\xff\xff"));      // a list of 2^32 - 1 that never comes
  EXPECT_FALSE(taken(std::string("\x01\x02", 2)));  // two
  const std::uint32_t size = 1 << 30;
  ASSERT_EQ(::send(ends_[0], &size, sizeof size, 0), ssize_t{sizeof size});
  ::shutdown(ends_[0], SHUT_WR);
  EXPECT_FALSE(receive_message(ends_[1]));
}

TEST_F(MessageSocket, GivesUpTheOtherEndWhenAsked) {
  int asked = 0;
  const GiveUp second_time = [&] { return ++asked == 2; };
  EXPECT_FALSE(receive_message(ends_[1], second_time));
  EXPECT_EQ(asked, 2);
  asked = 0;  // more than fits in between
  EXPECT_FALSE(send_message(ends_[0], std::string(8 << 20, 'x'), second_time));
  EXPECT_EQ(asked, 2);
}

TEST_F(MessageSocket, WaitsForWhatComesLater) {
  std::thread sender;
  const auto got = receive_message(ends_[1], [&] {
    if (!sender.joinable()) sender = std::thread([&] { send_message(ends_[0], {1, 2, 3}); });
    return false;
  });
  sender.join();
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, nlohmann::ordered_json({1, 2, 3}));
}

}  // namespace
}  // namespace lehr::host
