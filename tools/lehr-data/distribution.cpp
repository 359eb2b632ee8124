#include "distribution.h"

#include <algorithm>
#include <bit>

namespace lehr::data {
namespace {

constexpr unsigned kBits = 5;  // 16 slots an octave
constexpr std::uint64_t kSlots = 1 << kBits;

std::size_t slot_of(std::uint64_t value) {
  if (value < kSlots) return static_cast<std::size_t>(value);
  const unsigned octave = static_cast<unsigned>(std::bit_width(value)) - kBits;
  return static_cast<std::size_t>(octave * kSlots / 2 + (value >> octave));
}

std::uint64_t low_of(std::size_t slot) {
  if (slot < kSlots) return slot;
  const std::uint64_t octave = (slot - kSlots / 2) / (kSlots / 2);
  return (slot - octave * kSlots / 2) << octave;
}

}  // namespace

void Distribution::add(std::uint64_t value) {
  const std::size_t slot = slot_of(value);
  if (slot >= counts_.size()) counts_.resize(slot + 1);
  ++counts_[slot];
  ++count_;
  sum_ += value;
  largest_ = std::max(largest_, value);
}

double Distribution::mean() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

std::uint64_t Distribution::quantile(double q) const {
  const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
    seen += counts_[slot];
    if (seen > 0 && seen >= wanted) return std::min(low_of(slot + 1) - 1, largest_);
  }
  return largest_;
}

std::vector<Distribution::Bar> Distribution::bars() const {
  // 0, 1, 2, 3, 4-5, 6-7, 8-11, 12-15, 16-23 ...
  std::vector<Bar> out;
  for (std::size_t slot = 0; slot < counts_.size(); ++slot) {
    const std::uint64_t value = low_of(slot);
    std::uint64_t low = value, high = value;
    if (value >= 4) {
      const std::uint64_t octave = std::bit_floor(value), half = octave / 2;
      low = value < octave + half ? octave : octave + half;
      high = low + half - 1;
    }
    if (out.empty() && counts_[slot] == 0) continue;
    if (out.empty() || out.back().low != low) out.push_back({low, high, 0});
    out.back().count += counts_[slot];
  }
  while (!out.empty() && out.back().count == 0) out.pop_back();
  return out;
}

}  // namespace lehr::data
