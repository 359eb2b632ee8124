// How often each pre-token occurs in a corpus: the input of BPE training. Any thread may add text;
// the sorted result does not depend on which did, or in which order.
//
// Memory: 38 to 77 bytes for each different word of up to 15 bytes and each thread that met it
// (24 to 48 once the threads' tables are one), and its length more for a longer one. With a budget,
// words go to disk before the tables and what sorting them takes exceed it, and the result is the
// same. Whoever is to go on after a kill moves what is counted to files, and adds the files up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <memory_resource>
#include <string_view>

#include "text/pretokenizer.h"
#include "text/scratch_memory.h"
#include "text/word_runs.h"

namespace lehr::text {

class WordCounts {
 public:
  // Holds all words.
  explicit WordCounts(Pretokenizer pretokenizer);
  // Holds about memory_bytes, the rest in scratch files in `folder`.
  WordCounts(Pretokenizer pretokenizer, std::uint64_t memory_bytes, std::filesystem::path folder);
  ~WordCounts();
  WordCounts(const WordCounts&) = delete;
  WordCounts& operator=(const WordCounts&) = delete;

  // Counts the pre-tokens of one document. Thread-safe without locks (one table per thread).
  void add(std::string_view text);
  // Memory held. Any thread; without what others are just adding.
  std::size_t bytes() const;
  // All words, by bytes ascending; they are valid until text is added, and as long as this. Not
  // while another thread adds.
  WordList sorted();
  // Writes what sorted() would give to a file, and forgets it. Not while another thread adds.
  void move_to(const std::filesystem::path& file);
  // Counts what such a file holds.
  void add_file(const std::filesystem::path& file) { runs_.add_file(file); }
  // Whether the words, or those of a part of the text, were more than the budget.
  bool spilled() const;
  // For what is made of the words: memory on disk once they did not fit in the budget.
  std::pmr::memory_resource* memory();

 private:
  struct Tables;
  struct Counted;
  void spill(Counted& counted);

  Pretokenizer pretokenizer_;
  std::uint64_t most_bytes_ = ~std::uint64_t{0};  // of all tables
  ScratchMemory scratch_;
  std::pmr::unsynchronized_pool_resource pool_{&scratch_};
  WordRuns runs_;
  std::unique_ptr<Tables> tables_;
};

}  // namespace lehr::text
