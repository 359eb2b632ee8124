#include "lm/batch.h"

#include <stdexcept>
#include <string>

namespace lehr::lm {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("packed batch: " + what);
}

void require(bool holds, const std::string& what) {
  if (!holds) refuse(what);
}

}  // namespace

void check_batch(const PackedBatch& batch, int64_t vocab_size, int64_t max_positions) {
  const int64_t rows = batch.size();
  require(rows > 0, "it has no tokens");
  require(
      batch.positions.size() == batch.ids.size(),
      std::to_string(batch.positions.size()) + " positions for " + std::to_string(rows) + " ids");
  for (int64_t r = 0; r < rows; ++r) {
    const int32_t id = batch.ids[static_cast<size_t>(r)];
    const int32_t position = batch.positions[static_cast<size_t>(r)];
    // No message is put together for rows that are right: they are many.
    if (id < 0 || id >= vocab_size)
      refuse("row " + std::to_string(r) + " holds token '" + std::to_string(id) +
             "' outside the vocabulary of " + std::to_string(vocab_size));
    if (position < 0 || position >= max_positions)
      refuse("row " + std::to_string(r) + " has position '" + std::to_string(position) +
             "', the model ends at " + std::to_string(max_positions));
  }
  int32_t expected = 0;
  for (size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    const std::string name = "segment " + std::to_string(s);
    require(segment.begin == expected && segment.end > segment.begin,
            name + " starts at '" + std::to_string(segment.begin) + "', expected " +
                std::to_string(expected) + ", or is empty");
    expected = segment.end;
    if (segment.prefix_begin == segment.prefix_end) continue;
    size_t host = s;
    for (; host > 0 && batch.segments[host - 1].end > segment.prefix_begin;) --host;
    const Segment& holder = batch.segments[host];
    require(host < s && segment.prefix_begin >= holder.begin && segment.prefix_end <= holder.end &&
                segment.prefix_begin < segment.prefix_end &&
                holder.prefix_begin == holder.prefix_end,
            name + " has a prefix that does not lie inside one earlier segment without a prefix");
  }
  require(expected == rows,
          "segments end at '" + std::to_string(expected) + "', rows at " + std::to_string(rows));
  for (const LossEntry& entry : batch.loss_entries) {
    if (entry.row < 0 || entry.row >= rows || entry.target < 0 || entry.target >= vocab_size)
      refuse("a loss entry has row '" + std::to_string(entry.row) + "', target '" +
             std::to_string(entry.target) + "', outside the batch or the vocabulary");
  }
}

double mean_keys(const PackedBatch& batch) {
  double total = 0;
  for (const Segment& segment : batch.segments) {
    const double own = segment.end - segment.begin;
    total += own * (segment.prefix_end - segment.prefix_begin) + own * (own + 1) / 2;
  }
  return batch.ids.empty() ? 0 : total / static_cast<double>(batch.size());
}

}  // namespace lehr::lm
