#include "runtime/store/sha256.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <vector>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (state_->context == nullptr || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("OpenSSL gives no SHA-256");
}

Sha256::~Sha256() = default;

Sha256& Sha256::update(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1)
    throw std::runtime_error("SHA-256 failed");
  return *this;
}

std::string Sha256::hex() {
  unsigned char digest[32];
  if (EVP_DigestFinal_ex(state_->context, digest, nullptr) != 1)
    throw std::runtime_error("SHA-256 failed");
  static const char* digits = "0123456789abcdef";
  std::string out;
  out.reserve(64);
  for (const unsigned char byte : digest) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string sha256_hex(std::string_view bytes) { return Sha256().update(bytes).hex(); }

std::string sha256_file(const std::filesystem::path& path, std::uint64_t* size) {
  const FileDescriptor file = open_file(path, O_RDONLY);
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  std::vector<char> buffer(1 << 20);
  Sha256 hash;
  std::uint64_t total = 0;
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError("cannot read", path, errno);
    if (n == 0) break;
    hash.update({buffer.data(), static_cast<std::size_t>(n)});
    total += static_cast<std::uint64_t>(n);
  }
  if (size != nullptr) *size = total;
  return hash.hex();
}

}  // namespace lehr::runtime
