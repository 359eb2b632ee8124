#define OPENSSL_SUPPRESS_DEPRECATED  // see Sha256::State
#include "runtime/store/sha256.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/store/durable_file.h"

namespace lehr::runtime {

// OpenSSL's plain functions, not its EVP ones: those look for providers and read openssl.cnf first,
// which takes longer than a small stage may. The instructions that hash are the same.
struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { SHA256_Init(&state_->context); }

Sha256::~Sha256() = default;

Sha256& Sha256::update(std::string_view bytes) {
  SHA256_Update(&state_->context, bytes.data(), bytes.size());
  return *this;
}

std::string Sha256::hex_so_far() const {
  Sha256 copy;
  copy.state_->context = state_->context;
  return copy.hex();
}

std::string Sha256::hex() {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &state_->context);
  static const char* digits = "0123456789abcdef";
  std::string out(2 * sizeof digest, '\0');
  char* to = out.data();
  for (const unsigned char byte : digest) {
    *to++ = digits[byte >> 4];
    *to++ = digits[byte & 15];
  }
  return out;
}

std::string sha256_hex(std::string_view bytes) { return Sha256().update(bytes).hex(); }

std::string sha256_file(const std::filesystem::path& path, std::uint64_t* size) {
  const FileDescriptor file = open_file(path, O_RDONLY);
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  constexpr std::size_t kBufferBytes = 1 << 20;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferBytes);  // touched as needed
  Sha256 hash;
  std::uint64_t total = 0;
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.get(), kBufferBytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError("cannot read", path, errno);
    if (n == 0) break;
    hash.update({buffer.get(), static_cast<std::size_t>(n)});
    total += static_cast<std::uint64_t>(n);
  }
  if (size != nullptr) *size = total;
  return hash.hex();
}

}  // namespace lehr::runtime
