#include "language_tally.h"

#include <algorithm>
#include <numbers>

namespace lehr::plugins::pretrain {

void LanguageTally::add(std::span<const lm::LossEntry> entries, const float* nll) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const double weight = entries[i].weight;
    weight_ += weight;
    nll_ += weight * nll[i];
    const std::uint32_t bytes = byte_lengths_[static_cast<std::size_t>(entries[i].target)];
    if (bytes == 0) continue;
    text_nll_ += weight * nll[i];
    bytes_ += weight * bytes;
  }
  targets_ += static_cast<std::int64_t>(entries.size());
}

double LanguageTally::loss() const { return weight_ > 0 ? nll_ / weight_ : 0; }

double LanguageTally::bits_per_byte() const {
  return text_nll_ / (std::numbers::ln2 * std::max(1.0, bytes_));
}

}  // namespace lehr::plugins::pretrain
