#include "sorted_records.h"

#include <fcntl.h>
#include <lehr/value.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace lehr::plugins::mix {
namespace {

constexpr unsigned kMostBits = 9;  // 512 files open at most
constexpr std::size_t kHead = sizeof(std::uint64_t) + sizeof(std::uint32_t);

}  // namespace

// In memory, or the beginning in a file and the rest in memory.
class SortedRecords::Bucket {
 public:
  Bucket(std::filesystem::path path, std::size_t most_held)
      : path_(std::move(path)), most_held_(most_held) {}
  ~Bucket() { clear(); }

  // True if it went to its file.
  bool add(std::uint64_t key, std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    held_.append(reinterpret_cast<const char*>(&key), sizeof key);
    held_.append(reinterpret_cast<const char*>(&size), sizeof size);
    held_ += bytes;
    if (held_.size() < most_held_) return false;
    spill();
    return true;
  }

  std::string_view bytes() {
    if (file_ < 0) return held_;
    if (!held_.empty()) spill();
    std::string().swap(held_);
    void* data = ::mmap(nullptr, written_, PROT_READ, MAP_PRIVATE, file_, 0);
    if (data == MAP_FAILED) fail("cannot be mapped");
    ::madvise(data, written_, MADV_WILLNEED);
    mapped_ = data;
    return {static_cast<const char*>(data), written_};
  }

  void clear() {
    if (mapped_ != nullptr) ::munmap(mapped_, written_);
    mapped_ = nullptr;
    if (file_ >= 0) {
      ::close(file_);
      ::unlink(path_.c_str());
    }
    file_ = -1;
    std::string().swap(held_);
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw Error(path_.string() + ": " + what + ": " + std::strerror(errno));
  }

  void spill() {
    if (file_ < 0) file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file_ < 0) fail("cannot be created");
    for (std::string_view rest = held_; !rest.empty();) {
      const ssize_t n = ::write(file_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("cannot be written");
      rest.remove_prefix(static_cast<std::size_t>(n));
      written_ += static_cast<std::size_t>(n);
    }
    held_.clear();
  }

  std::filesystem::path path_;
  std::size_t most_held_, written_ = 0;
  std::string held_;
  int file_ = -1;
  void* mapped_ = nullptr;
};

SortedRecords::SortedRecords(std::filesystem::path folder, std::uint64_t expected_bytes,
                             std::uint64_t memory)
    : folder_(std::move(folder)) {
  if (expected_bytes > memory)
    while (bits_ < kMostBits && (expected_bytes >> bits_) > memory / 2) ++bits_;
  most_held_ = static_cast<std::size_t>(memory >> bits_);
  for (std::size_t i = 0; i < (std::size_t{1} << bits_); ++i)
    buckets_.push_back(
        std::make_unique<Bucket>(folder_ / ("bucket-" + std::to_string(i)), most_held_));
}

SortedRecords::~SortedRecords() = default;

void SortedRecords::add(std::uint64_t key, std::string_view bytes) {
  if (bytes.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error("a document of more than 4 GiB cannot be mixed");
  Bucket& bucket = *buckets_[bits_ == 0 ? 0 : key >> (64 - bits_)];
  if (bucket.add(key, bytes)) spilled_ = true;
}

bool SortedRecords::load() {
  if (bucket_ > 0) buckets_[bucket_ - 1]->clear();
  if (bucket_ == buckets_.size()) return false;
  bytes_ = buckets_[bucket_++]->bytes();
  places_.clear();
  place_ = 0;
  for (std::size_t at = 0; at < bytes_.size();) {
    Place place{0, at};
    std::uint32_t size;
    std::memcpy(&place.key, bytes_.data() + at, sizeof place.key);
    std::memcpy(&size, bytes_.data() + at + sizeof place.key, sizeof size);
    places_.push_back(place);
    at += kHead + size;
  }
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return a.key != b.key ? a.key < b.key : a.at < b.at;
  });
  return true;
}

bool SortedRecords::next(std::string_view& bytes) {
  while (place_ == places_.size())
    if (!load()) return false;
  const std::size_t at = static_cast<std::size_t>(places_[place_++].at);
  std::uint32_t size;
  std::memcpy(&size, bytes_.data() + at + sizeof(std::uint64_t), sizeof size);
  bytes = bytes_.substr(at + kHead, size);
  return true;
}

}  // namespace lehr::plugins::mix
