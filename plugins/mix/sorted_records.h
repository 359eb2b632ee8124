// Any number of records sorted by a key, in bounded memory: they are put into buckets by the first
// bits of their keys, in files when they do not fit, and each bucket is sorted when its turn comes.
// The order depends on the keys and the order of adding alone.
//
// A record in a bucket: key u64, size u32, bytes. Memory: about `memory` bytes, and 16 for each
// record of a bucket; a bucket's file is mapped, not read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::mix {

class SortedRecords {
 public:
  // folder: for the buckets that do not fit; expected_bytes: of all records, about.
  SortedRecords(std::filesystem::path folder, std::uint64_t expected_bytes, std::uint64_t memory);
  ~SortedRecords();
  SortedRecords(const SortedRecords&) = delete;
  SortedRecords& operator=(const SortedRecords&) = delete;

  // bytes: at most 4 GiB. Throws Error if a bucket cannot be written.
  void add(std::uint64_t key, std::string_view bytes);
  // No more is added after this. The next record in order, valid until the next call; false at the
  // end. Records with equal keys come in the order in which they were added.
  bool next(std::string_view& bytes);
  bool spilled() const { return spilled_; }

 private:
  class Bucket;
  struct Place {
    std::uint64_t key, at;
  };
  bool load();

  std::filesystem::path folder_;
  unsigned bits_ = 0;
  std::size_t most_held_;  // of a bucket in memory
  std::vector<std::unique_ptr<Bucket>> buckets_;
  bool spilled_ = false;
  // Of the bucket that is given out.
  std::size_t bucket_ = 0, place_ = 0;
  std::string_view bytes_;
  std::vector<Place> places_;
};

}  // namespace lehr::plugins::mix
