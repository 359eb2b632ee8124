// Rows for pretraining out of token shards. The documents of an epoch are shuffled and laid end to
// end; every row takes the next row_tokens of that line. Each token but the first of a document is
// a target once per epoch, predicted from tokens of its own document alone. The last token of a
// document (end-of-text) is only ever a target, so every row of the batch carries loss and all
// batches have one shape. A document that meets the end of a row, or `context` tokens, goes on in a
// new segment whose positions start at 0 again; what was before is not seen there (packing whole
// documents would save that, and cost unequal shapes). What step k holds is a pure function of
// (shards, options, k), so a checkpoint needs no more than the step. In memory are 4.5 bytes for a
// document (8.5 where there are 2^32): the order of the epoch; and its weight, where it has one.
// Plain C++.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lm/batch.h"
#include "text/token_shards.h"

namespace lehr::lm {

struct TokenFeedOptions {
  int64_t row_tokens = 2048;
  int64_t rows_per_step = 2;
  int64_t context = 256;  // longest segment, where a row holds as much
  uint64_t seed = 0;
  std::vector<float> weights = {};  // of the documents in the loss; empty: 1 for all
};

class TokenFeed {
 public:
  // The shards must outlive the feed. Throws std::invalid_argument when no document has two tokens.
  TokenFeed(const text::TokenShards& shards, const TokenFeedOptions& options);

  // rows_per_step rows of row_tokens each, every target with the weight of its document; epochs
  // follow each other within a row.
  std::vector<PackedBatch> step(int64_t k);
  int64_t tokens_per_step() const { return options_.row_tokens * options_.rows_per_step; }
  int64_t targets_per_epoch() const { return targets_; }
  int64_t steps_in_epochs(double epochs) const;  // rounded up, at least 1

  // The documents once, in order, cut into rows the same way, one of which is in memory; the last
  // is shorter. Stops after max_targets.
  void for_each_row(int64_t max_targets, const std::function<void(const PackedBatch&)>& take) const;

 private:
  struct Epoch {
    int64_t number = -1;
    std::vector<uint32_t> few;    // documents in their order, where so many are counted
    std::vector<uint64_t> many;   // else; both empty: as they are in the shards
    std::vector<int64_t> starts;  // targets before every kStretch-th of them
    uint64_t document(uint64_t i) const {
      return !few.empty() ? few[i] : !many.empty() ? many[i] : i;
    }
  };
  // Before a target of the epoch's line: in its document `at` or behind that.
  struct Place {
    uint64_t at = 0;
    int64_t before = 0;  // targets before that document
    int64_t target = 0;
  };
  static constexpr uint64_t kStretch = 16;
  uint64_t begin_of(uint64_t document) const;
  int64_t targets_of(uint64_t document) const;
  const Epoch& epoch(int64_t number);
  Place place_of(const Epoch& epoch, int64_t target) const;
  // Adds targets from `place` on until the row has row_tokens or the line ends.
  void fill(PackedBatch& row, const Epoch& epoch, Place& place) const;

  const text::TokenShards& shards_;
  TokenFeedOptions options_;
  int64_t targets_ = 0;
  Epoch current_;
};

// Targets of the document that has the most: as long as a segment can get.
int64_t longest_document(const text::TokenShards& shards);

}  // namespace lehr::lm
