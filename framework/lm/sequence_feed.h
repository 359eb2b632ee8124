// Sequences shuffled and packed into rows, step by step. What step k holds is a pure function of
// (sequences, options, k), so a checkpoint needs no more than the step. In memory are what the file
// of sequences holds there, and 4 bytes a sequence and 32 a row: the plan of the epoch. Plain C++.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lm/packer.h"
#include "lm/sequence_file.h"

namespace lehr::lm {

struct SequenceFeedOptions {
  int64_t row_tokens = 2048;   // most in a row (a micro-batch); raised to the longest sequence
  int64_t step_tokens = 2048;  // of a step: as few rows as hold them, all of one capacity
  uint64_t seed = 0;
  bool shuffle = true;
  int64_t window = 1024;  // sequences packed together by first-fit decreasing
  // A window takes more sequences where these do not fill a row, so that a step holds what it
  // should however large it is. Else it gives what it has as a row.
  bool fill = true;
};

class SequenceFeed {
 public:
  // Throws std::invalid_argument when there is no sequence.
  SequenceFeed(SequenceFile sequences, const SequenceFeedOptions& options);

  // The rows of step k >= 0. Steps do not cross epochs: the last one of an epoch may have fewer
  // rows. The emptiest row of a window is carried into the next one.
  std::vector<Packed> step(int64_t k);
  int64_t epoch_of(int64_t k);
  int64_t steps_in_epochs(double epochs);  // rounded up, at least 1
  // What one epoch sees: tokens of trunks and branches, and entries with a loss.
  int64_t tokens_per_epoch() const { return sequences_.tokens(); }
  int64_t loss_tokens_per_epoch() const { return sequences_.loss_tokens(); }
  // Tokens in the longest row of the first epoch: below row_tokens where a window holds fewer.
  int64_t longest_row() const { return longest_row_; }

  // Every sequence once, in the given order, packed the same way: for evaluation. One row is in
  // memory.
  void for_each_row(const std::function<void(const Packed&)>& take) const;
  size_t sequences() const { return sequences_.size(); }

 private:
  using Row = std::vector<int32_t>;  // numbers of sequences
  std::vector<Row> plan(int64_t epoch) const;
  size_t end_of_window(const Row& order, size_t begin, const Row& pending) const;
  int64_t steps_in_plan() const;
  void seek(int64_t k);
  int64_t tokens_in(const Row& row) const;
  Packed pack(const Row& row) const;

  std::vector<int64_t> lengths(std::span<const int32_t> sequences) const;

  SequenceFile sequences_;
  SequenceFeedOptions options_;
  int64_t rows_per_step_ = 1;
  int64_t longest_row_ = 0;
  // The epoch the cursor is in.
  int64_t epoch_ = 0, first_step_ = 0;
  std::vector<Row> plan_;
};

}  // namespace lehr::lm
