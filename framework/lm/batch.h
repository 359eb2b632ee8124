// One packed micro-batch: documents end to end in one row of N tokens, never padded. Plain C++, so
// that feeding needs no LibTorch.
#pragma once

#include <cstdint>
#include <vector>

namespace lehr::lm {

// Tokens [begin, end) attend causally among themselves and wholly to [prefix_begin, prefix_end).
// Segments are ascending and disjoint; together they cover every row of the batch. A prefix is
// empty (both 0) or lies inside one earlier segment that has no prefix itself: a prompt shared by
// its answers. Positions of the segment then continue where the prefix stops.
struct Segment {
  int32_t begin = 0;
  int32_t end = 0;
  int32_t prefix_begin = 0;
  int32_t prefix_end = 0;
};

// The hidden state at `row` predicts token `target`; the loss counts it `weight` times.
struct LossEntry {
  int32_t row = 0;
  int32_t target = 0;
  float weight = 1.0f;
  int32_t segment =
      0;  // the caller's grouping (document, pair side, sample); not used by the maths
};

struct PackedBatch {
  std::vector<int32_t> ids;        // [N]
  std::vector<int32_t> positions;  // [N], restarting at 0 per document
  std::vector<Segment> segments;
  std::vector<LossEntry> loss_entries;

  int64_t size() const { return static_cast<int64_t>(ids.size()); }
};

// Throws std::invalid_argument when the batch breaks a rule above or exceeds the model's limits.
void check_batch(const PackedBatch& batch, int64_t vocab_size, int64_t max_positions);

// Mean number of keys a token of the batch attends to, for FLOP counts.
double mean_keys(const PackedBatch& batch);

}  // namespace lehr::lm
