#include "record_runs.h"

#include <fcntl.h>
#include <lehr/value.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

namespace lehr::plugins::mix {
namespace {

constexpr std::size_t kSize = sizeof(std::uint32_t), kHead = sizeof(std::uint64_t) + kSize;
constexpr std::uint64_t kDropped = 1 << 20;  // bytes of a run that are given back at once

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

void HeldRecords::add(std::uint64_t key, std::string_view bytes) {
  if (bytes.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error("a document of more than 4 GiB cannot be mixed");
  const auto size = static_cast<std::uint32_t>(bytes.size());
  places_.push_back({key, bytes_.size()});
  bytes_.append(reinterpret_cast<const char*>(&size), kSize);
  bytes_ += bytes;
}

void HeldRecords::write(const std::filesystem::path& path) {
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return a.key != b.key ? a.key < b.key : a.at < b.at;
  });
  std::ofstream out(path, std::ios::binary);
  for (const Place& place : places_) {
    const char* record = bytes_.data() + place.at;
    out.write(reinterpret_cast<const char*>(&place.key), sizeof place.key);
    out.write(record, static_cast<std::streamsize>(kSize + load<std::uint32_t>(record)));
  }
  if (!out.flush()) throw Error(path.string() + ": could not be written; is the disk full?");
  bytes_.clear();
  places_.clear();
}

RunMerge::RunMerge(const std::vector<std::filesystem::path>& paths,
                   const std::vector<std::uint64_t>& offsets) {
  for (const auto& path : paths) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const off_t size = file < 0 ? -1 : ::lseek(file, 0, SEEK_END);
    Run run;
    run.size = static_cast<std::uint64_t>(std::max<off_t>(size, 0));
    void* data = nullptr;
    if (run.size > 0) data = ::mmap(nullptr, run.size, PROT_READ, MAP_PRIVATE, file, 0);
    const int error = errno;
    if (file >= 0) ::close(file);
    if (size < 0 || data == MAP_FAILED)
      throw Error(path.string() + ": cannot be read: " + std::strerror(error));
    if (run.size > 0) ::madvise(data, run.size, MADV_SEQUENTIAL);
    run.data = static_cast<const char*>(data);
    run.at = offsets.empty() ? 0 : offsets.at(runs_.size());
    runs_.push_back(run);
    look_at(runs_.size() - 1);
  }
}

RunMerge::~RunMerge() {
  for (const Run& run : runs_)
    if (run.size > 0) ::munmap(const_cast<char*>(run.data), run.size);
}

void RunMerge::look_at(std::size_t number) {
  Run& run = runs_[number];
  if (run.at < run.size) next_.push({load<std::uint64_t>(run.data + run.at), number});
  if (run.at < run.dropped + 2 * kDropped) return;
  const std::uint64_t end = (run.at / kDropped - 1) * kDropped;
  ::madvise(const_cast<char*>(run.data) + run.dropped, end - run.dropped, MADV_DONTNEED);
  run.dropped = end;
}

bool RunMerge::next(std::string_view& bytes) {
  if (next_.empty()) return false;
  const std::size_t number = next_.top().run;
  next_.pop();
  Run& run = runs_[number];
  const char* record = run.data + run.at + sizeof(std::uint64_t);
  bytes = {record + kSize, load<std::uint32_t>(record)};
  run.at += kHead + bytes.size();
  look_at(number);
  return true;
}

std::vector<std::uint64_t> RunMerge::offsets() const {
  std::vector<std::uint64_t> offsets;
  for (const Run& run : runs_) offsets.push_back(run.at);
  return offsets;
}

}  // namespace lehr::plugins::mix
