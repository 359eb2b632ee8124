#include "language_tally.h"

#include <algorithm>
#include <numbers>

namespace lehr::plugins::pretrain {

void LanguageTally::add(std::span<const lm::LossEntry> entries, const float* nll) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    nll_ += nll[i];
    const std::uint32_t bytes = byte_lengths_[static_cast<std::size_t>(entries[i].target)];
    if (bytes == 0) continue;
    text_nll_ += nll[i];
    bytes_ += bytes;
  }
  targets_ += static_cast<std::int64_t>(entries.size());
}

double LanguageTally::loss() const {
  return nll_ / static_cast<double>(std::max<std::int64_t>(1, targets_));
}

double LanguageTally::bits_per_byte() const {
  return text_nll_ / (std::numbers::ln2 * std::max(1.0, bytes_));
}

}  // namespace lehr::plugins::pretrain
