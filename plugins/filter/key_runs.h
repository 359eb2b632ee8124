// Keys that a pass has seen and that memory has no room for: sorted runs on disk, each with a
// filter that answers for nearly all keys that are not in it, and an index by which one read of
// about 4 KiB answers for the others. Of two runs of about the same size one is made, so that there
// are few: a key is written as often as the number of keys can be halved down to one run's.
//
// Memory: 8 bytes for the keys of 4 KiB, and the filters, 2 to 4 bytes a key, which shrink()
// halves.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "text/scratch_file.h"

namespace lehr::plugins::filter {

// Key: as in SeenKeys; trivially copyable.
template <class Key>
class KeyRuns {
 public:
  // Takes so many different keys in the order of their places.
  class Run {
   public:
    Run(const std::filesystem::path& folder, std::uint64_t keys, std::uint64_t most_filter_bytes)
        : file_(folder),
          keys_(keys),
          starts_(keys / kInBucket + 2),
          filter_(std::min(std::bit_ceil(keys * kFilterBits / 64 + 1),
                           std::bit_floor(most_filter_bytes / 8 + 1))) {
      buffer_.reserve(kBuffered);
    }

    void append(const Key& key) {
      for (const std::size_t bucket = bucket_of(key); next_ <= bucket; ++next_)
        starts_[next_] = appended_;
      filter_[word_of(key)] |= bits_of(key);
      ++appended_;
      buffer_.push_back(key);
      if (buffer_.size() == kBuffered) flush();
    }
    // After the last key.
    void finish() {
      flush();
      std::fill(starts_.begin() + static_cast<std::ptrdiff_t>(next_), starts_.end(), appended_);
      std::vector<Key>().swap(buffer_);
    }

    void prefetch(const Key& key) const { __builtin_prefetch(&filter_[word_of(key)]); }
    bool contains(const Key& key, std::vector<Key>& scratch) const {
      const std::uint64_t bits = bits_of(key);
      if ((filter_[word_of(key)] & bits) != bits) return false;
      const std::size_t bucket = bucket_of(key);
      read(starts_[bucket], starts_[bucket + 1], scratch);
      return std::find(scratch.begin(), scratch.end(), key) != scratch.end();
    }
    void read(std::uint64_t begin, std::uint64_t end, std::vector<Key>& out) const {
      out.resize(static_cast<std::size_t>(end - begin));
      file_.read(begin * sizeof(Key), out.data(), out.size() * sizeof(Key));
    }

    // Takes twice the keys for those that may be in the run.
    bool halve_filter() {
      if (filter_.size() == 1) return false;
      for (std::size_t i = 0; i < filter_.size() / 2; ++i)
        filter_[i] = filter_[2 * i] | filter_[2 * i + 1];
      filter_.resize(filter_.size() / 2);
      filter_.shrink_to_fit();
      return true;
    }
    std::uint64_t keys() const { return keys_; }
    std::uint64_t filter_bytes() const { return filter_.size() * sizeof filter_[0]; }
    std::uint64_t memory_bytes() const {
      return filter_bytes() + starts_.size() * sizeof starts_[0];
    }

   private:
    static constexpr std::uint64_t kFilterBits = 16, kInBucket = 4096 / sizeof(Key);
    static constexpr std::size_t kBuffered = (64 << 10) / sizeof(Key);

    void flush() {
      file_.append(buffer_.data(), buffer_.size() * sizeof(Key));
      buffer_.clear();
    }
    std::size_t bucket_of(const Key& key) const {
      __extension__ using Wide = unsigned __int128;
      return static_cast<std::size_t>(static_cast<Wide>(key.place()) * (starts_.size() - 1) >> 64);
    }
    // The filter: a key has four bits of one word. The word is named by the first bits, so that
    // neighbours can become one.
    std::size_t word_of(const Key& key) const {
      const int bits = std::countr_zero(filter_.size());
      return bits == 0 ? 0 : static_cast<std::size_t>(spread(key) >> (64 - bits));
    }
    static std::uint64_t bits_of(const Key& key) {
      const std::uint64_t h = spread(key);
      const auto bit = [&](int shift) { return std::uint64_t{1} << (h >> shift & 63); };
      return bit(0) | bit(6) | bit(12) | bit(18);
    }
    static std::uint64_t spread(const Key& key) { return key.place() * 0x9e3779b97f4a7c15; }

    text::ScratchFile file_;
    std::uint64_t keys_, appended_ = 0;
    std::vector<std::uint64_t> starts_;  // of the buckets; one more at the end
    std::size_t next_ = 0;               // bucket without a start
    std::vector<std::uint64_t> filter_;
    std::vector<Key> buffer_;
  };

  // folder: of the scratch files.
  KeyRuns(std::filesystem::path folder, std::uint64_t most_filter_bytes)
      : folder_(std::move(folder)), most_filter_bytes_(most_filter_bytes) {}

  bool empty() const { return runs_.empty(); }
  void prefetch(const Key& key) const {
    for (const Run& run : runs_) run.prefetch(key);
  }
  // One thread.
  bool contains(const Key& key) const {
    return std::any_of(runs_.begin(), runs_.end(),
                       [&](const Run& run) { return run.contains(key, scratch_); });
  }

  Run begin_run(std::uint64_t keys) const { return Run(folder_, keys, most_filter_bytes_); }
  // run: finished; none of its keys is in another.
  void add(Run run) {
    runs_.push_back(std::move(run));
    while (runs_.size() > 1 && runs_.end()[-2].keys() < 2 * runs_.back().keys()) {
      Run merged = merge(runs_.end()[-2], runs_.back());
      runs_.pop_back();
      runs_.back() = std::move(merged);
    }
  }
  std::uint64_t memory_bytes() const {
    std::uint64_t bytes = 0;
    for (const Run& run : runs_) bytes += run.memory_bytes();
    return bytes;
  }
  // Halves the largest filter; false if none can be.
  bool shrink() {
    const auto largest = std::max_element(
        runs_.begin(), runs_.end(),
        [](const Run& a, const Run& b) { return a.filter_bytes() < b.filter_bytes(); });
    return largest != runs_.end() && largest->halve_filter();
  }

 private:
  // The keys of a run in order.
  class Reader {
   public:
    explicit Reader(const Run& run) : run_(run) { advance(); }
    bool at_end() const { return at_ == part_.size(); }
    const Key& key() const { return part_[at_]; }
    void advance() {
      if (++at_ < part_.size()) return;
      const std::uint64_t end = std::min(run_.keys(), next_ + kPart);
      run_.read(next_, end, part_);
      next_ = end;
      at_ = 0;
    }

   private:
    static constexpr std::uint64_t kPart = (64 << 10) / sizeof(Key);
    const Run& run_;
    std::vector<Key> part_;
    std::size_t at_ = 0;
    std::uint64_t next_ = 0;
  };

  Run merge(const Run& a, const Run& b) const {
    Run merged = begin_run(a.keys() + b.keys());
    Reader left(a), right(b);
    while (!left.at_end() || !right.at_end()) {
      const bool take_left =
          right.at_end() || (!left.at_end() && left.key().place() <= right.key().place());
      Reader& next = take_left ? left : right;
      merged.append(next.key());
      next.advance();
    }
    merged.finish();
    return merged;
  }

  std::filesystem::path folder_;
  std::uint64_t most_filter_bytes_;  // of one run
  std::vector<Run> runs_;            // each at least twice as large as the next
  mutable std::vector<Key> scratch_;
};

}  // namespace lehr::plugins::filter
