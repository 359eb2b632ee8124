// Sequences on disk, for a stage that trains on more of them than fit in memory: 4 bytes a token in
// a file without a name, which the kernel's cache serves; in memory are 16 bytes a sequence.
// Weights stand there as runs of equal ones, since a conversation changes between trained and not a
// few times. Plain C++.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <vector>

#include "lm/packer.h"
#include "text/scratch_file.h"

namespace lehr::lm {

class SequenceFile {
 public:
  // folder: of the file system that is to hold them. most_tokens: it takes the first sequences
  // whose tokens together are no more, but at least one; null: all. Throws Error if no file can be
  // made there.
  explicit SequenceFile(std::filesystem::path folder, std::optional<int64_t> most_tokens = {});

  // Appends it `copies` times, at the cost of one on disk. Throws Error if the disk is full.
  void add(const Sequence& sequence, int64_t copies = 1);
  Sequence read(size_t i) const;

  size_t size() const { return entries_.size(); }
  int64_t tokens(size_t i) const { return entries_[i].tokens; }
  // Of all: trunks and branches; entries with a loss.
  int64_t tokens() const { return tokens_; }
  int64_t loss_tokens() const { return loss_tokens_; }

 private:
  struct Entry {
    uint64_t begin;  // in words
    uint32_t words;
    int32_t tokens;
  };

  text::ScratchFile file_;
  int64_t most_tokens_;
  bool full_ = false;
  std::vector<uint32_t> last_;  // what is not in the file yet: whole sequences
  std::deque<Entry> entries_;
  int64_t tokens_ = 0, loss_tokens_ = 0;
};

}  // namespace lehr::lm
