#include "runtime/store/event_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace {

TEST(Crc32c, GivesTheValuesOfRfc3720) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
}

TEST(Sha256, GivesTheValuesOfFips180) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().update("a").update("bc").hex(), sha256_hex("abc"));
}

TEST(EventFile, FramesEveryRecordWithItsChecksums) {
  const auto path =
      std::filesystem::temp_directory_path() / ("lehr-events-" + std::to_string(::getpid()));
  {
    EventFile events(path, 1.0);
    events.scalar("loss", 300, 2.5, 2.0);
  }
  const std::string bytes = read_file(path);
  std::filesystem::remove(path);
  std::string last;
  int records = 0;
  for (std::size_t at = 0; at < bytes.size(); ++records) {
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    std::memcpy(&size, &bytes.at(at), 8);
    std::memcpy(&crc, &bytes.at(at + 8), 4);
    EXPECT_EQ(crc, masked_crc32c(std::string_view(bytes).substr(at, 8)));
    ASSERT_LE(at + 16 + size, bytes.size());
    last = bytes.substr(at + 12, size);
    std::memcpy(&crc, &bytes.at(at + 12 + size), 4);
    EXPECT_EQ(crc, masked_crc32c(last));
    at += 16 + size;
  }
  EXPECT_EQ(records, 2);
  // wall_time = 2.0, step = 300, summary { value { tag: "loss", simple_value: 2.5 } }
  const char expected[] =
      "\x09\0\0\0\0\0\0\0\x40\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x20\x40";
  EXPECT_EQ(last, std::string(expected, sizeof expected - 1));
}

}  // namespace
}  // namespace lehr::runtime
