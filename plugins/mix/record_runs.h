// Any number of records sorted by a key, in bounded memory: those that are held are sorted and
// written as a run, and all runs are merged. Records with equal keys come in the order in which
// they were added, so the order does not depend on where a run ended.
//
// A run: for each record its key u64, its size u32 and its bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::mix {

class HeldRecords {
 public:
  // bytes: less than 4 GiB.
  void add(std::uint64_t key, std::string_view bytes);
  bool empty() const { return places_.empty(); }
  std::uint64_t memory_bytes() const { return bytes_.size() + places_.size() * sizeof(Place); }
  // The run; holds nothing afterwards. Throws Error if it cannot be written.
  void write(const std::filesystem::path& path);

 private:
  struct Place {
    std::uint64_t key, at;
  };
  std::string bytes_;  // of each record its size u32 and its bytes
  std::vector<Place> places_;
};

// The records of runs in order. The runs are mapped, and what is behind is given back.
class RunMerge {
 public:
  // offsets: of an earlier one, to go on behind the record it gave last; of no run: from the start.
  explicit RunMerge(const std::vector<std::filesystem::path>& runs,
                    const std::vector<std::uint64_t>& offsets = {});
  ~RunMerge();
  RunMerge(const RunMerge&) = delete;
  RunMerge& operator=(const RunMerge&) = delete;

  // The next record, valid until the next call; false at the end.
  bool next(std::string_view& bytes);
  // In each run the bytes that next() has gone through.
  std::vector<std::uint64_t> offsets() const;

 private:
  struct Run {
    const char* data = nullptr;
    std::uint64_t size = 0, at = 0, dropped = 0;
  };
  struct Next {
    std::uint64_t key;
    std::size_t run;
    bool operator<(const Next& other) const {  // the queue gives the greatest
      return key != other.key ? key > other.key : run > other.run;
    }
  };
  void look_at(std::size_t run);

  std::vector<Run> runs_;
  std::priority_queue<Next> next_;
};

}  // namespace lehr::plugins::mix
