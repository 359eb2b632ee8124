// A TensorBoard event file of scalars, written by hand: TFRecord framing (length, masked CRC-32C,
// data, masked CRC-32C) around protobuf `Event { wall_time = 1, step = 2, file_version = 3, summary
// = 5 }` with `Summary.Value { tag = 1, simple_value = 2 }`. Values are stored as float32, as
// TensorBoard's own writer does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {

class EventFile {
 public:
  // Creates the file with its version record. Throws IoError.
  EventFile(const std::filesystem::path& path, double wall_time);
  // One point; on its way to disk when this returns, so that TensorBoard can follow a living run.
  void scalar(std::string_view tag, std::int64_t step, double value, double wall_time);

 private:
  void record(std::string_view event);
  std::filesystem::path path_;
  FileDescriptor file_;
};

// CRC-32C (Castagnoli) and the rotation TFRecord applies to it.
std::uint32_t crc32c(std::string_view bytes);
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace lehr::runtime
