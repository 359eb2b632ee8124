#include "band_runs.h"

#include <fcntl.h>
#include <lehr/value.h>
#include <sys/resource.h>
#include <tbb/parallel_for.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <queue>

#include "text/handed_over.h"
#include "text/parallel_sort.h"

namespace lehr::plugins::minhash {
namespace {

// All runs are open at once, a thousand for a terabyte of text; what a process may open by default
// is less than what it may ask for.
void allow_open_files(std::size_t runs) {
  constexpr rlim_t kOthers = 256;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= runs + kOthers) return;
  limit.rlim_cur = std::min<rlim_t>(runs + kOthers, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// A run that is open for reading, by several threads at once.
class RunFile {
 public:
  explicit RunFile(const std::filesystem::path& path) : path_(path) {
    file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const off_t size = file_ < 0 ? -1 : ::lseek(file_, 0, SEEK_END);
    if (size < 0) {
      const int error = errno;
      throw Error(
          path.string() + ": cannot be read: " + std::strerror(error) +
          (error == EMFILE ? ". Raise that limit (ulimit -n); the stage goes on from here" : ""));
    }
    if (size % static_cast<off_t>(sizeof(BandRecord)) != 0)
      throw Error(path.string() + ": is damaged; remove this stage's work folder");
    records_ = static_cast<std::uint64_t>(size) / sizeof(BandRecord);
  }
  ~RunFile() { ::close(file_); }
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;

  std::uint64_t records() const { return records_; }
  void read(std::uint64_t first, BandRecord* out, std::size_t count) const {
    char* to = reinterpret_cast<char*>(out);
    std::size_t left = count * sizeof(BandRecord);
    auto at = static_cast<off_t>(first * sizeof(BandRecord));
    while (left > 0) {
      const ssize_t n = ::pread(file_, to, left, at);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw Error(path_.string() + ": cannot be read: " + std::strerror(errno));
      to += n;
      at += n;
      left -= static_cast<std::size_t>(n);
    }
  }
  // The first record whose key is at least `high`.
  std::uint64_t find(std::uint64_t high) const {
    std::uint64_t begin = 0, end = records_;
    while (begin < end) {
      const std::uint64_t middle = begin + (end - begin) / 2;
      BandRecord record;
      read(middle, &record, 1);
      if (record.high < high)
        begin = middle + 1;
      else
        end = middle;
    }
    return begin;
  }

 private:
  std::filesystem::path path_;
  int file_ = -1;
  std::uint64_t records_ = 0;
};

// The records of a run between two keys, in order.
class RunRange {
 public:
  RunRange(const RunFile& run, std::uint64_t begin, std::uint64_t end, std::size_t buffered)
      : run_(&run), next_(begin), end_(end), buffered_(buffered) {}

  // False at the end.
  bool advance() {
    if (++at_ < buffer_.size()) return true;
    if (next_ == end_) return false;
    buffer_.resize(std::min<std::uint64_t>(buffered_, end_ - next_));
    run_->read(next_, buffer_.data(), buffer_.size());
    next_ += buffer_.size();
    at_ = 0;
    return true;
  }
  const BandRecord& record() const { return buffer_[at_]; }

 private:
  const RunFile* run_;
  std::uint64_t next_, end_;
  std::size_t buffered_, at_ = 0;
  std::vector<BandRecord> buffer_;
};

void merge(std::vector<RunRange>& ranges, const std::function<bool()>& cancelled,
           const std::function<void(std::uint32_t, std::uint32_t)>& pair) {
  const auto later = [](const RunRange* a, const RunRange* b) { return b->record() < a->record(); };
  std::priority_queue<RunRange*, std::vector<RunRange*>, decltype(later)> queue(later);
  for (RunRange& range : ranges)
    if (range.advance()) queue.push(&range);
  BandRecord first{};
  bool any = false;
  for (std::uint64_t n = 0; !queue.empty(); ++n) {
    if (n % (1 << 20) == 0 && cancelled()) throw Cancelled();
    RunRange* range = queue.top();
    queue.pop();
    const BandRecord record = range->record();
    if (range->advance()) queue.push(range);
    if (any && record.same_key(first)) {
      pair(first.document, record.document);
    } else {
      first = record;
      any = true;
    }
  }
}

}  // namespace

void write_run(const std::filesystem::path& path, std::vector<BandRecord>& records) {
  text::parallel_sort(records.begin(), records.end());
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(records.data()),
            static_cast<std::streamsize>(records.size() * sizeof(BandRecord)));
  if (!out.flush()) throw Error(path.string() + ": could not be written; is the disk full?");
}

void for_each_pair(const std::vector<std::filesystem::path>& runs, std::size_t memory_bytes,
                   int threads, const std::function<bool()>& cancelled,
                   const std::function<void(std::uint32_t, std::uint32_t)>& pair) {
  allow_open_files(runs.size());
  std::vector<std::unique_ptr<RunFile>> files;
  std::uint64_t records = 0;
  for (const auto& run : runs)
    records += files.emplace_back(std::make_unique<RunFile>(run))->records();
  if (records == 0) return;
  // Keys are spread evenly, so equal shares of their range are equal shares of the work.
  const std::uint64_t shares = std::clamp<std::uint64_t>(records >> 16, 1, 1024);
  const std::uint64_t width = ~std::uint64_t{0} / shares + 1;  // 0: one share holds all
  const std::size_t buffered = std::clamp<std::size_t>(
      memory_bytes / (static_cast<std::size_t>(threads) * runs.size() * sizeof(BandRecord)), 64,
      1 << 16);
  const auto merge_share = [&](std::uint64_t share) {
    const text::HandedOver there;
    std::vector<RunRange> ranges;
    for (const auto& file : files) {
      const std::uint64_t begin = share == 0 ? 0 : file->find(share * width);
      const std::uint64_t end =
          share + 1 == shares ? file->records() : file->find((share + 1) * width);
      ranges.emplace_back(*file, begin, end, buffered);
    }
    merge(ranges, cancelled, pair);
  };
  const text::HandedOver here;
  tbb::parallel_for(std::uint64_t{0}, shares, merge_share);
}

}  // namespace lehr::plugins::minhash
