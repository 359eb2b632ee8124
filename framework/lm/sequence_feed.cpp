#include "lm/sequence_feed.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "lm/random.h"

namespace lehr::lm {

namespace {

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

SequenceFeed::SequenceFeed(SequenceFile sequences, const SequenceFeedOptions& options)
    : sequences_(std::move(sequences)), options_(options) {
  if (sequences_.size() == 0) throw std::invalid_argument("there is no sequence to train on");
  if (options_.step_tokens < 1 || options_.window < 1)
    throw std::invalid_argument("tokens of a step and window must be at least 1");
  int64_t longest = 1;
  for (size_t i = 0; i < sequences_.size(); ++i) longest = std::max(longest, sequences_.tokens(i));
  rows_per_step_ = divided_up(options_.step_tokens, std::max(options_.row_tokens, longest));
  options_.row_tokens = std::max(divided_up(options_.step_tokens, rows_per_step_), longest);
  plan_ = plan(0);
  for (const Row& row : plan_) longest_row_ = std::max(longest_row_, tokens_in(row));
}

int64_t SequenceFeed::tokens_in(const Row& row) const {
  int64_t sum = 0;
  for (const int32_t i : row) sum += sequences_.tokens(static_cast<size_t>(i));
  return sum;
}

std::vector<int64_t> SequenceFeed::lengths(std::span<const int32_t> sequences) const {
  std::vector<int64_t> lengths;
  for (const int32_t i : sequences) lengths.push_back(sequences_.tokens(static_cast<size_t>(i)));
  return lengths;
}

// Of the window that begins there: it takes `window` sequences, and where it is to fill rows goes
// on while they and what the last one left fit into one.
size_t SequenceFeed::end_of_window(const Row& order, size_t begin, const Row& pending) const {
  const auto window = static_cast<size_t>(options_.window);
  int64_t tokens = tokens_in(pending);
  size_t end = begin;
  while (end < order.size() &&
         (end - begin < window || (options_.fill && tokens <= options_.row_tokens)))
    tokens += sequences_.tokens(static_cast<size_t>(order[end++]));
  return end;
}

std::vector<SequenceFeed::Row> SequenceFeed::plan(int64_t epoch) const {
  // Stream numbers: the epoch's own for the order of sequences, then one per window for its rows.
  const auto stream = static_cast<uint64_t>(epoch) << 32;
  Row order(sequences_.size());
  std::iota(order.begin(), order.end(), 0);
  if (options_.shuffle) Random(options_.seed, Purpose::kDataOrder, stream).shuffle(order);

  std::vector<Row> rows;
  Row pending;
  uint64_t window = 0;
  for (size_t next = 0; next < order.size();) {
    const size_t end = end_of_window(order, next, pending);
    pending.insert(pending.end(), order.begin() + static_cast<std::ptrdiff_t>(next),
                   order.begin() + static_cast<std::ptrdiff_t>(end));
    next = end;
    std::vector<Row> bins = first_fit_decreasing(lengths(pending), options_.row_tokens);
    for (Row& bin : bins)
      for (int32_t& member : bin) member = pending[static_cast<size_t>(member)];
    pending.clear();
    if (next < order.size() && bins.size() > 1) {
      const auto emptiest =
          std::min_element(bins.begin(), bins.end(),
                           [&](const Row& a, const Row& b) { return tokens_in(a) < tokens_in(b); });
      pending = std::move(*emptiest);
      bins.erase(emptiest);
    }
    // First-fit decreasing puts the rows with the longest sequences first.
    ++window;
    if (options_.shuffle) Random(options_.seed, Purpose::kDataOrder, stream + window).shuffle(bins);
    for (Row& bin : bins) rows.push_back(std::move(bin));
  }
  return rows;
}

int64_t SequenceFeed::steps_in_plan() const {
  return divided_up(static_cast<int64_t>(plan_.size()), rows_per_step_);
}

void SequenceFeed::seek(int64_t k) {
  if (k < first_step_) {
    epoch_ = first_step_ = 0;
    plan_ = plan(0);
  }
  while (k >= first_step_ + steps_in_plan()) {
    first_step_ += steps_in_plan();
    plan_ = plan(++epoch_);
  }
}

std::vector<Packed> SequenceFeed::step(int64_t k) {
  seek(k);
  const auto begin = static_cast<size_t>((k - first_step_) * rows_per_step_);
  const size_t end = std::min(plan_.size(), begin + static_cast<size_t>(rows_per_step_));
  std::vector<Packed> rows;
  for (size_t i = begin; i < end; ++i) rows.push_back(pack(plan_[i]));
  return rows;
}

int64_t SequenceFeed::epoch_of(int64_t k) {
  seek(k);
  return epoch_;
}

int64_t SequenceFeed::steps_in_epochs(double epochs) {
  seek(0);
  int64_t steps = 0;
  double left = epochs;
  for (; left >= 1; left -= 1) {
    seek(steps);
    steps += steps_in_plan();
  }
  seek(steps);
  steps += static_cast<int64_t>(std::ceil(left * static_cast<double>(steps_in_plan()) - 1e-9));
  return std::max<int64_t>(1, steps);
}

void SequenceFeed::for_each_row(const std::function<void(const Packed&)>& take) const {
  Row window(static_cast<size_t>(options_.window));
  for (size_t begin = 0; begin < sequences_.size(); begin += window.size()) {
    window.resize(std::min(window.size(), sequences_.size() - begin));
    std::iota(window.begin(), window.end(), static_cast<int32_t>(begin));
    for (Row& bin : first_fit_decreasing(lengths(window), options_.row_tokens)) {
      for (int32_t& member : bin) member += static_cast<int32_t>(begin);
      take(pack(bin));
    }
  }
}

Packed SequenceFeed::pack(const Row& row) const {
  Packed packed;
  for (const int32_t i : row) append(packed, sequences_.read(static_cast<size_t>(i)), i);
  return packed;
}

}  // namespace lehr::lm
