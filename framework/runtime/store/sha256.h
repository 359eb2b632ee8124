// SHA-256, streaming, as lower-case hex: the identity of artifacts, keys and files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace lehr::runtime {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& update(std::string_view bytes);
  // 64 hex digits. Ends the computation: call once.
  std::string hex();
  // The same, and the computation goes on.
  std::string hex_so_far() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);

// Of a file's content; `size` receives the bytes read. Throws IoError.
std::string sha256_file(const std::filesystem::path& path, std::uint64_t* size = nullptr);

}  // namespace lehr::runtime
