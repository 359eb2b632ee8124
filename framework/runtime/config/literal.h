// Reads scalars as the types of parameters: 6M, 64MiB, 30m, 2e-5, true. Strict: YAML 1.1 surprises
// (010, yes, 1_000, 0x1F) are refused with the reason instead of guessed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace lehr::runtime {

// A value, or why there is none: "'010' has a leading zero ...".
template <class T>
class Read {
 public:
  Read(T value) : result_(std::move(value)) {}
  static Read failed(std::string reason) { return Read(Failure{std::move(reason)}); }
  explicit operator bool() const { return std::holds_alternative<T>(result_); }
  const T& operator*() const { return std::get<T>(result_); }
  const std::string& reason() const { return std::get<Failure>(result_).reason; }

 private:
  struct Failure {
    std::string reason;
  };
  explicit Read(Failure failure) : result_(std::move(failure)) {}
  std::variant<T, Failure> result_;
};

Read<bool> read_bool(std::string_view text);
Read<std::int64_t> read_int(std::string_view text);
Read<std::int64_t> read_count(std::string_view text);  // 4096, 64k, 6M, 1.5B, 2T: powers of 1000
Read<std::int64_t> read_bytes(std::string_view text);  // 4096, 64KiB, 64MiB, 1GB
Read<double> read_float(std::string_view text);        // finite
Read<double> read_duration(std::string_view text);     // 500ms, 90s, 30m, 2h, 1d; in seconds

// What a plain scalar that is meant as text would be to a YAML reader: "a number", "true or false",
// ...; empty if it is text for all of them.
std::string mistakable_for(std::string_view plain_text);

}  // namespace lehr::runtime
