// Sums over predicted tokens, each as often as its weight says: mean loss in nats, and bits per
// byte of the text they stand for, which does not depend on the tokenizer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lm/batch.h"

namespace lehr::plugins::pretrain {

class LanguageTally {
 public:
  // byte_lengths: [V], bytes of text per token, special tokens 0; must outlive the tally.
  explicit LanguageTally(const std::vector<std::uint32_t>& byte_lengths)
      : byte_lengths_(byte_lengths) {}

  // nll: [M], -ln p(target) of each entry.
  void add(std::span<const lm::LossEntry> entries, const float* nll);

  std::int64_t targets() const { return targets_; }
  double loss() const;  // mean over all targets, by their weights
  // sum NLL / (ln 2 * bytes); targets of 0 bytes, the special tokens, leave both sums.
  double bits_per_byte() const;

 private:
  const std::vector<std::uint32_t>& byte_lengths_;
  std::int64_t targets_ = 0;
  double weight_ = 0, nll_ = 0, text_nll_ = 0, bytes_ = 0;
};

}  // namespace lehr::plugins::pretrain
