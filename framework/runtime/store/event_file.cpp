#include "runtime/store/event_file.h"

#include <fcntl.h>

#include <array>
#include <cstring>

namespace lehr::runtime {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

template <class T>
void append_raw(std::string& out, T value) {  // little-endian, as every machine Lehr runs on
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

// Protobuf wire types: 0 varint, 1 fixed64, 2 bytes, 5 fixed32.
void append_tag(std::string& out, int field, int wire) {
  append_varint(out, static_cast<unsigned>(field << 3 | wire));
}

void append_bytes(std::string& out, int field, std::string_view bytes) {
  append_tag(out, field, 2);
  append_varint(out, bytes.size());
  out += bytes;
}

std::string event_at(double wall_time) {
  std::string out;
  append_tag(out, 1, 1);
  append_raw(out, wall_time);
  return out;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

EventFile::EventFile(const std::filesystem::path& path, double wall_time)
    : path_(path), file_(open_file(path, O_WRONLY | O_CREAT | O_APPEND)) {
  std::string event = event_at(wall_time);
  append_bytes(event, 3, "brain.Event:2");
  record(event);
}

void EventFile::scalar(std::string_view tag, std::int64_t step, double value, double wall_time) {
  std::string point;
  append_bytes(point, 1, tag);
  append_tag(point, 2, 5);
  append_raw(point, static_cast<float>(value));
  std::string summary;
  append_bytes(summary, 1, point);
  std::string event = event_at(wall_time);
  append_tag(event, 2, 0);
  append_varint(event, static_cast<std::uint64_t>(step));
  append_bytes(event, 5, summary);
  record(event);
}

void EventFile::record(std::string_view event) {
  std::string out;
  append_raw(out, static_cast<std::uint64_t>(event.size()));
  append_raw(out, masked_crc32c(std::string_view(out).substr(0, 8)));
  out += event;
  append_raw(out, masked_crc32c(event));
  write_all(file_.get(), out, path_);
}

}  // namespace lehr::runtime
