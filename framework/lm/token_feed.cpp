#include "lm/token_feed.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "lm/random.h"

namespace lehr::lm {

TokenFeed::TokenFeed(const text::TokenShards& shards, const TokenFeedOptions& options)
    : shards_(shards), options_(options) {
  if (options_.row_tokens < 1 || options_.rows_per_step < 1 || options_.context < 1)
    throw std::invalid_argument("row_tokens, rows_per_step and context must be at least 1");
  if (!options_.weights.empty() && options_.weights.size() != shards_.documents())
    throw std::invalid_argument("there is not one weight for each document");
  uint64_t begin = 0;
  for (uint64_t d = 0; d < shards_.documents(); ++d) {
    const uint64_t end = shards_.document_end(d);
    targets_ += std::max<int64_t>(0, static_cast<int64_t>(end - begin) - 1);
    begin = end;
  }
  if (targets_ == 0) throw std::invalid_argument("there is no document of two tokens or more");
}

uint64_t TokenFeed::begin_of(uint64_t document) const {
  return document == 0 ? 0 : shards_.document_end(document - 1);
}

int64_t TokenFeed::targets_of(uint64_t document) const {
  const uint64_t tokens = shards_.document_end(document) - begin_of(document);
  return std::max<int64_t>(0, static_cast<int64_t>(tokens) - 1);
}

const TokenFeed::Epoch& TokenFeed::epoch(int64_t number) {
  if (current_.number == number) return current_;
  const Random random(options_.seed, Purpose::kDataOrder, static_cast<uint64_t>(number));
  const uint64_t documents = shards_.documents();
  const auto shuffle = [&](auto& order) {
    order.resize(documents);
    std::iota(order.begin(), order.end(), uint64_t{0});
    random.shuffle(order);
  };
  documents <= std::numeric_limits<uint32_t>::max() ? shuffle(current_.few)
                                                    : shuffle(current_.many);
  current_.starts.clear();
  current_.starts.reserve(documents / kStretch + 1);
  int64_t sum = 0;
  for (uint64_t i = 0; i < documents; ++i) {
    if (i % kStretch == 0) current_.starts.push_back(sum);
    sum += targets_of(current_.document(i));
  }
  current_.number = number;
  return current_;
}

TokenFeed::Place TokenFeed::place_of(const Epoch& epoch, int64_t target) const {
  const auto after = std::upper_bound(epoch.starts.begin(), epoch.starts.end(), target);
  const auto stretch = static_cast<uint64_t>(after - epoch.starts.begin()) - 1;
  return {stretch * kStretch, epoch.starts[stretch], target};
}

void TokenFeed::fill(PackedBatch& row, const Epoch& epoch, Place& place) const {
  std::vector<text::TokenId> ids;
  while (row.size() < options_.row_tokens && place.at < shards_.documents()) {
    const uint64_t document = epoch.document(place.at);
    const int64_t targets = targets_of(document);
    const int64_t offset = place.target - place.before;  // into the document
    if (offset >= targets) {
      place.before += targets;
      ++place.at;
      continue;
    }
    const int64_t count =
        std::min({targets - offset, options_.row_tokens - row.size(), options_.context});
    ids.resize(static_cast<size_t>(count) + 1);
    shards_.read(begin_of(document) + static_cast<uint64_t>(offset), std::span(ids));
    const auto first = static_cast<int32_t>(row.size());
    const auto segment = static_cast<int32_t>(row.segments.size());
    const float weight = options_.weights.empty() ? 1.0f : options_.weights[document];
    row.segments.push_back({first, first + static_cast<int32_t>(count), 0, 0});
    for (int32_t i = 0; i < count; ++i) {
      row.ids.push_back(static_cast<int32_t>(ids[static_cast<size_t>(i)]));
      row.positions.push_back(i);
      row.loss_entries.push_back(
          {first + i, static_cast<int32_t>(ids[static_cast<size_t>(i) + 1]), weight, segment});
    }
    place.target += count;
  }
}

std::vector<PackedBatch> TokenFeed::step(int64_t k) {
  std::vector<PackedBatch> rows(static_cast<size_t>(options_.rows_per_step));
  int64_t next = k * tokens_per_step();
  for (PackedBatch& row : rows) {
    while (row.size() < options_.row_tokens) {
      const int64_t before = row.size();
      const Epoch& line = epoch(next / targets_);
      Place place = place_of(line, next % targets_);
      fill(row, line, place);
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

void TokenFeed::for_each_row(int64_t max_targets,
                             const std::function<void(const PackedBatch&)>& take) const {
  const int64_t end = std::min(targets_, max_targets);
  const Epoch in_order;
  for (Place place; place.target < end;) {
    PackedBatch row;
    fill(row, in_order, place);
    take(row);
  }
}

}  // namespace lehr::lm
