#include "runtime/store/file_hashes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/store/durable_file.h"
#include "runtime/store/sha256.h"

namespace lehr::runtime {
namespace {

constexpr std::size_t kMostBegun = 16;  // files that are open at one time
constexpr std::size_t kBufferBytes = 1 << 20;

struct Begun {
  explicit Begun(std::size_t index_of_path) : index(index_of_path) {}
  const std::size_t index;
  FileDescriptor file;
  Sha256 hash;
  std::uint64_t left = 0;  // as large as it was when it was opened
};

class Hashing {
 public:
  Hashing(const std::vector<std::filesystem::path>& paths, std::uint64_t slice_bytes)
      : paths_(paths), slice_bytes_(slice_bytes), hashes_(paths.size()) {}

  // What each thread does.
  void work() {
    const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferBytes);  // touched as needed
    try {
      while (std::unique_ptr<Begun> one = take()) {
        if (!one->file) open(*one);
        if (read_slice(*one, buffer.get()))
          end(*one);
        else
          put_back(std::move(one));
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }
  std::vector<FileHash> finish() {
    if (failure_) std::rethrow_exception(failure_);
    return std::move(hashes_);
  }

 private:
  // Null: what is left is in the hands of others.
  std::unique_ptr<Begun> take() {
    const std::lock_guard lock(mutex_);
    if (failure_) return nullptr;
    if (next_ < paths_.size() && open_ < kMostBegun) {
      ++open_;
      return std::make_unique<Begun>(next_++);
    }
    const auto most =
        std::max_element(waiting_.begin(), waiting_.end(),
                         [](const auto& a, const auto& b) { return a->left < b->left; });
    if (most == waiting_.end()) return nullptr;
    auto out = std::move(*most);
    waiting_.erase(most);
    return out;
  }

  void open(Begun& one) const {
    one.file = open_file(paths_[one.index], O_RDONLY);
    ::posix_fadvise(one.file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    struct stat info {};
    if (::fstat(one.file.get(), &info) == 0) one.left = static_cast<std::uint64_t>(info.st_size);
  }

  // True: that was all of the file.
  bool read_slice(Begun& one, char* buffer) {
    for (std::uint64_t done = 0; done < slice_bytes_;) {
      const std::size_t most = std::min<std::uint64_t>(kBufferBytes, slice_bytes_ - done);
      const ssize_t n = ::read(one.file.get(), buffer, most);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw IoError("cannot read", paths_[one.index], errno);
      if (n == 0) return true;
      const auto bytes = static_cast<std::uint64_t>(n);
      one.hash.update({buffer, bytes});
      hashes_[one.index].bytes += bytes;
      one.left -= std::min(one.left, bytes);
      done += bytes;
    }
    return false;
  }

  void end(Begun& one) {
    hashes_[one.index].sha256 = one.hash.hex();
    const std::lock_guard lock(mutex_);
    --open_;
  }

  void put_back(std::unique_ptr<Begun> one) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(one));
  }

  const std::vector<std::filesystem::path>& paths_;
  const std::uint64_t slice_bytes_;
  std::vector<FileHash> hashes_;
  std::mutex mutex_;
  std::size_t next_ = 0, open_ = 0;
  std::vector<std::unique_ptr<Begun>> waiting_;  // those begun that no thread has in hand
  std::exception_ptr failure_;
};

}  // namespace

std::vector<FileHash> hash_files(const std::vector<std::filesystem::path>& paths, unsigned threads,
                                 std::uint64_t slice_bytes) {
  if (threads <= 1) slice_bytes = std::numeric_limits<std::uint64_t>::max();
  Hashing hashing(paths, slice_bytes);
  {
    std::vector<std::jthread> others;
    for (unsigned t = 1; t < std::min<std::size_t>(threads, paths.size()); ++t)
      others.emplace_back([&] { hashing.work(); });
    hashing.work();
  }
  return hashing.finish();
}

}  // namespace lehr::runtime
