#include "growing_sums.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "runtime/store/artifact.h"
#include "runtime/store/durable_file.h"

namespace lehr::host {
namespace {

constexpr std::uint64_t kSmallBytes = 4 << 20;

}  // namespace

std::string GrowingSums::of(const std::filesystem::path& path, std::uint64_t length) {
  const runtime::FileDescriptor file = runtime::open_file(path, O_RDONLY);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) throw runtime::IoError("cannot look at", path, errno);
  Known& known = files_[path];
  if (!known.sum || known.inode != info.st_ino || known.length > length || length <= kSmallBytes)
    known = {std::make_unique<runtime::Sha256>(), 0, info.st_ino};
  std::vector<char> buffer(std::min<std::uint64_t>(1 << 20, length - known.length));
  while (known.length < length) {
    const auto wanted = std::min<std::uint64_t>(buffer.size(), length - known.length);
    const ssize_t n = ::pread(file.get(), buffer.data(), wanted, static_cast<off_t>(known.length));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw runtime::IoError("cannot read", path, errno);
    if (n == 0)
      throw runtime::StoreError("'" + path.string() + "' has only " + std::to_string(known.length) +
                                " bytes, not " + std::to_string(length));
    known.sum->update({buffer.data(), static_cast<std::size_t>(n)});
    known.length += static_cast<std::uint64_t>(n);
  }
  return known.sum->hex_so_far();
}

}  // namespace lehr::host
