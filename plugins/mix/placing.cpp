#include "placing.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <lehr/value.h>

#include <algorithm>
#include <istream>
#include <ostream>

namespace lehr::plugins::mix {
namespace {

constexpr std::uint64_t kChoice = ~std::uint64_t{0};  // the "epoch" that chooses among documents

__extension__ using Wide = unsigned __int128;

// part / whole as a number of 64 bits; part < whole.
std::uint64_t fraction(std::uint64_t part, std::uint64_t whole) {
  return static_cast<std::uint64_t>((Wide{part} << 64) / whole);
}

}  // namespace

Placing::Placing(std::uint64_t seed, std::string_view source, bool shuffle)
    : key_(XXH3_64bits_withSeed(source.data(), source.size(), seed)),
      shuffle_(shuffle),
      bins_(kBins) {}

std::uint64_t Placing::hash(std::uint64_t document, std::uint64_t epoch) const {
  const std::uint64_t parts[] = {document, epoch};
  return XXH3_64bits_withSeed(parts, sizeof parts, key_);
}

std::size_t Placing::bin_of(std::uint64_t document) const {
  return static_cast<std::size_t>(hash(document, kChoice) >> 48);
}

void Placing::count(std::uint64_t size) {
  bins_[bin_of(documents_++)] += size;
  size_ += size;
}

void Placing::take(std::uint64_t amount) {
  amount_ = size_ == 0 ? 0 : amount;
  whole_epochs_ = size_ == 0 ? 0 : amount / size_;
  std::uint64_t left = amount_ - whole_epochs_ * size_;
  for (chosen_bins_ = 0; chosen_bins_ < kBins && bins_[chosen_bins_] <= left; ++chosen_bins_)
    left -= bins_[chosen_bins_];
  if (amount_ == whole_epochs_ * size_) chosen_bins_ = 0;
}

double Placing::epochs() const {
  return size_ == 0 ? 0 : static_cast<double>(amount_) / static_cast<double>(size_);
}

void Placing::write_counts(std::ostream& out) const {
  const auto put = [&](const std::uint64_t* numbers, std::size_t count) {
    out.write(reinterpret_cast<const char*>(numbers),
              static_cast<std::streamsize>(count * sizeof *numbers));
  };
  put(&size_, 1);
  put(&documents_, 1);
  put(bins_.data(), bins_.size());
}

void Placing::read_counts(std::istream& in) {
  const auto get = [&](std::uint64_t* numbers, std::size_t count) {
    in.read(reinterpret_cast<char*>(numbers),
            static_cast<std::streamsize>(count * sizeof *numbers));
  };
  get(&size_, 1);
  get(&documents_, 1);
  get(bins_.data(), bins_.size());
  if (!in) throw Error("the counts are not whole");
}

const std::vector<std::uint64_t>& Placing::places(std::uint64_t size) {
  const std::uint64_t document = next_++;
  const std::uint64_t epochs = whole_epochs_ + (bin_of(document) < chosen_bins_);
  places_.clear();
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    const std::uint64_t behind = epoch * size_;
    const std::uint64_t length = std::min(size_, amount_ - behind);
    const std::uint64_t within =
        shuffle_ ? hash(document, epoch) : fraction(std::min(before_, size_ - 1), size_);
    // behind / amount, and `within` of the epoch's own part of the mix.
    Wide place = fraction(behind, amount_);
    place += (length == amount_ ? Wide{within} : (Wide{fraction(length, amount_)} * within) >> 64);
    places_.push_back(static_cast<std::uint64_t>(std::min(place, Wide{~std::uint64_t{0}})));
  }
  before_ += size;
  return places_;
}

}  // namespace lehr::plugins::mix
