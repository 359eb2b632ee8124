#include "lm/packer.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

namespace lehr::lm {

namespace {

int64_t size_of(const Branch& branch) { return static_cast<int64_t>(branch.ids.size()); }

// Entries a branch gives; `first` is the first token that has a token before it.
int64_t entries_of(const Branch& branch, size_t first) {
  if (branch.weights.size() <= first) return 0;
  return std::count_if(branch.weights.begin() + static_cast<std::ptrdiff_t>(first),
                       branch.weights.end(), [](float w) { return w != 0.0f; });
}

int64_t cut(Branch& branch, int64_t length) {
  const int64_t over = std::max<int64_t>(0, size_of(branch) - std::max<int64_t>(0, length));
  const auto kept = static_cast<size_t>(size_of(branch) - over);
  branch.ids.resize(kept);
  if (branch.weights.size() > kept) branch.weights.resize(kept);
  return over;
}

// Adds one segment. before: the row that predicts its first token, or -1.
void append_segment(Packed& row, const Branch& branch, int32_t before, Segment segment,
                    int32_t first_position, SegmentOwner owner) {
  if (branch.ids.empty()) throw std::invalid_argument("a sequence to pack has an empty part");
  if (!branch.weights.empty() && branch.weights.size() != branch.ids.size())
    throw std::invalid_argument("a sequence to pack has " + std::to_string(branch.ids.size()) +
                                " ids but " + std::to_string(branch.weights.size()) + " weights");
  PackedBatch& batch = row.batch;
  const auto begin = static_cast<int32_t>(batch.ids.size());
  const auto number = static_cast<int32_t>(batch.segments.size());
  segment.begin = begin;
  segment.end = begin + static_cast<int32_t>(branch.ids.size());
  batch.segments.push_back(segment);
  row.owners.push_back(owner);
  for (size_t i = 0; i < branch.ids.size(); ++i) {
    const int32_t predicted_from = i == 0 ? before : begin + static_cast<int32_t>(i) - 1;
    if (predicted_from >= 0 && !branch.weights.empty() && branch.weights[i] != 0.0f)
      batch.loss_entries.push_back({predicted_from, branch.ids[i], branch.weights[i], number});
    batch.ids.push_back(branch.ids[i]);
    batch.positions.push_back(first_position + static_cast<int32_t>(i));
  }
}

}  // namespace

int64_t Sequence::tokens() const {
  int64_t sum = size_of(trunk);
  for (const Branch& branch : branches) sum += size_of(branch);
  return sum;
}

int64_t Sequence::loss_tokens() const {
  int64_t sum = entries_of(trunk, 1);
  for (const Branch& branch : branches) sum += entries_of(branch, 0);
  return sum;
}

int64_t Sequence::length() const {
  int64_t longest = 0;
  for (const Branch& branch : branches) longest = std::max(longest, size_of(branch));
  return size_of(trunk) + longest;
}

int64_t truncate(Sequence& sequence, int64_t max_length) {
  int64_t gone = cut(sequence.trunk, max_length);
  const int64_t room = max_length - size_of(sequence.trunk);
  for (Branch& branch : sequence.branches) gone += cut(branch, room);
  return gone;
}

void append(Packed& row, const Sequence& sequence, int32_t number) {
  append_segment(row, sequence.trunk, -1, {}, 0, {number, -1});
  const Segment trunk = row.batch.segments.back();
  Segment seen;
  seen.prefix_begin = trunk.begin;
  seen.prefix_end = trunk.end;
  for (size_t b = 0; b < sequence.branches.size(); ++b)
    append_segment(row, sequence.branches[b], trunk.end - 1, seen, trunk.end - trunk.begin,
                   {number, static_cast<int32_t>(b)});
}

Packed only_branch(const Packed& row, int32_t branch) {
  Packed out;
  const PackedBatch& from = row.batch;
  // Where tokens and segments are now; -1: gone.
  std::vector<int32_t> token_at(from.ids.size(), -1), segment_at(from.segments.size(), -1);
  for (size_t s = 0; s < from.segments.size(); ++s) {
    if (row.owners[s].branch >= 0 && row.owners[s].branch != branch) continue;
    Segment segment = from.segments[s];
    const auto begin = static_cast<int32_t>(out.batch.ids.size());
    for (int32_t i = segment.begin; i < segment.end; ++i) {
      const auto token = static_cast<size_t>(i);
      token_at[token] = static_cast<int32_t>(out.batch.ids.size());
      out.batch.ids.push_back(from.ids[token]);
      out.batch.positions.push_back(from.positions[token]);
    }
    if (segment.prefix_end > segment.prefix_begin) {
      const int32_t length = segment.prefix_end - segment.prefix_begin;
      segment.prefix_begin = token_at[static_cast<size_t>(segment.prefix_begin)];
      segment.prefix_end = segment.prefix_begin + length;
    }
    segment.end = begin + segment.end - segment.begin;
    segment.begin = begin;
    segment_at[s] = static_cast<int32_t>(out.owners.size());
    out.batch.segments.push_back(segment);
    out.owners.push_back(row.owners[s]);
  }
  for (LossEntry entry : from.loss_entries) {
    entry.segment = segment_at[static_cast<size_t>(entry.segment)];
    if (entry.segment < 0) continue;
    entry.row = token_at[static_cast<size_t>(entry.row)];
    out.batch.loss_entries.push_back(entry);
  }
  return out;
}

std::vector<std::vector<int32_t>> first_fit_decreasing(std::span<const int64_t> lengths,
                                                       int64_t capacity) {
  std::vector<int32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0);
  const auto rank = [&](int32_t i) {
    const int64_t length = lengths[static_cast<size_t>(i)];
    return length > capacity / 8 ? length : 0;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return rank(a) > rank(b); });
  std::vector<std::vector<int32_t>> bins;
  std::vector<int64_t> room;
  for (const int32_t item : order) {
    const int64_t length = lengths[static_cast<size_t>(item)];
    size_t bin = 0;
    while (bin < bins.size() && room[bin] < length) ++bin;
    if (bin == bins.size()) {
      bins.emplace_back();
      room.push_back(capacity);
    }
    bins[bin].push_back(item);
    room[bin] -= length;
  }
  for (auto& bin : bins) std::sort(bin.begin(), bin.end());
  return bins;
}

}  // namespace lehr::lm
