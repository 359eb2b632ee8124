// Counted words that memory has no room for: sorted runs on disk, merged so that there are few. A
// word is written as often as the number of runs can be halved.
//
// A run: for each word, ascending by bytes, its count i64, its length u32 and its bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory_resource>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "text/scratch_file.h"

namespace lehr::text {

struct WordCount {
  std::string_view word;  // bytes
  std::int64_t count;
};
using WordList = std::pmr::vector<WordCount>;

// A run as a file that stays. words: ascending, none twice. Throws Error.
void write_words(const std::filesystem::path& file, std::span<const WordCount> words);

class WordRuns {
 public:
  // folder: for scratch files.
  explicit WordRuns(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~WordRuns() { unmap(); }
  WordRuns(const WordRuns&) = delete;
  WordRuns& operator=(const WordRuns&) = delete;

  // words: ascending, none twice. Any thread.
  void add(std::span<const WordCount> words);
  // What write_words() wrote. Any thread. Throws Error.
  void add_file(const std::filesystem::path& file);
  bool empty() const { return runs_.empty(); }
  void clear();
  // How many different words there are. Not while another thread adds.
  std::uint64_t count();
  // All words ascending, the counts of each added up; valid until it is called again. The list is
  // in `memory`, the bytes are on disk. Not while another thread adds.
  WordList words(std::pmr::memory_resource* memory);

 private:
  struct Run {
    ScratchFile file;
    std::uint64_t words = 0;
  };
  Run merge(const Run& a, const Run& b) const;
  void keep(Run run);
  void merge_last_two();
  void merge_all();
  void unmap();

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::vector<Run> runs_;  // each at least twice as large as the next
  void* mapped_ = nullptr;
  std::uint64_t mapped_bytes_ = 0;
};

}  // namespace lehr::text
