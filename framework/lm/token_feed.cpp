#include "lm/token_feed.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "lm/random.h"

namespace lehr::lm {

TokenFeed::TokenFeed(const text::TokenShards& shards, const TokenFeedOptions& options)
    : shards_(shards), options_(options) {
  if (options_.row_tokens < 1 || options_.rows_per_step < 1 || options_.context < 1)
    throw std::invalid_argument("row_tokens, rows_per_step and context must be at least 1");
  for (uint64_t d = 0; d < shards_.documents(); ++d) targets_ += targets_of(d);
  if (targets_ == 0) throw std::invalid_argument("there is no document of two tokens or more");
}

int64_t TokenFeed::targets_of(uint64_t document) const {
  const uint64_t begin = document == 0 ? 0 : shards_.document_end(document - 1);
  return std::max<int64_t>(0, static_cast<int64_t>(shards_.document_end(document) - begin) - 1);
}

TokenFeed::Epoch TokenFeed::epoch_in_order(std::vector<uint64_t> order) const {
  Epoch epoch;
  epoch.order = std::move(order);
  epoch.ends.reserve(epoch.order.size());
  int64_t sum = 0;
  for (const uint64_t document : epoch.order) epoch.ends.push_back(sum += targets_of(document));
  return epoch;
}

const TokenFeed::Epoch& TokenFeed::epoch(int64_t number) {
  if (current_.number != number) {
    const Random random(options_.seed, Purpose::kDataOrder, static_cast<uint64_t>(number));
    current_ = epoch_in_order(random.permutation(shards_.documents()));
    current_.number = number;
  }
  return current_;
}

void TokenFeed::fill(PackedBatch& row, const Epoch& epoch, int64_t begin) const {
  std::vector<text::TokenId> ids;
  auto at = static_cast<size_t>(std::upper_bound(epoch.ends.begin(), epoch.ends.end(), begin) -
                                epoch.ends.begin());
  while (row.size() < options_.row_tokens && at < epoch.order.size()) {
    const int64_t targets = targets_of(epoch.order[at]);
    const int64_t offset = begin - (epoch.ends[at] - targets);  // into the document
    const int64_t count =
        std::min({targets - offset, options_.row_tokens - row.size(), options_.context});
    if (count == 0) {  // a document of one token
      ++at;
      continue;
    }
    const uint64_t document =
        shards_.document_end(epoch.order[at]) - static_cast<uint64_t>(targets) - 1;
    ids.resize(static_cast<size_t>(count) + 1);
    shards_.read(document + static_cast<uint64_t>(offset), std::span(ids));
    const auto first = static_cast<int32_t>(row.size());
    const auto segment = static_cast<int32_t>(row.segments.size());
    row.segments.push_back({first, first + static_cast<int32_t>(count), 0, 0});
    for (int32_t i = 0; i < count; ++i) {
      row.ids.push_back(static_cast<int32_t>(ids[static_cast<size_t>(i)]));
      row.positions.push_back(i);
      row.loss_entries.push_back(
          {first + i, static_cast<int32_t>(ids[static_cast<size_t>(i) + 1]), 1.0f, segment});
    }
    begin += count;
    if (begin == epoch.ends[at]) ++at;
  }
}

std::vector<PackedBatch> TokenFeed::step(int64_t k) {
  std::vector<PackedBatch> rows(static_cast<size_t>(options_.rows_per_step));
  int64_t next = k * tokens_per_step();
  for (PackedBatch& row : rows) {
    while (row.size() < options_.row_tokens) {
      const int64_t before = row.size();
      fill(row, epoch(next / targets_), next % targets_);
      next += row.size() - before;
    }
  }
  return rows;
}

int64_t TokenFeed::steps_in_epochs(double epochs) const {
  const double steps =
      epochs * static_cast<double>(targets_) / static_cast<double>(tokens_per_step());
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(steps - 1e-9)));
}

int64_t longest_document(const text::TokenShards& shards) {
  uint64_t longest = 1, begin = 0;
  for (uint64_t d = 0; d < shards.documents(); ++d) {
    const uint64_t end = shards.document_end(d);
    longest = std::max(longest, end - begin);
    begin = end;
  }
  return static_cast<int64_t>(longest) - 1;
}

std::vector<PackedBatch> TokenFeed::all(int64_t max_targets) const {
  std::vector<uint64_t> order(shards_.documents());
  std::iota(order.begin(), order.end(), 0);
  const Epoch epoch = epoch_in_order(std::move(order));
  const int64_t end = std::min(targets_, max_targets);
  std::vector<PackedBatch> rows;
  for (int64_t next = 0; next < end; next += rows.back().size())
    fill(rows.emplace_back(), epoch, next);
  return rows;
}

}  // namespace lehr::lm
