// Prefers answers of a length. With n words or characters:
//
//   n < min: n / min      n > max: max / n      else 1
//
// and with bounds on both words and characters, the least of it. It falls from 1 without a jump, so
// that a policy far from a bound still learns which of its answers is nearer.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <optional>

namespace lehr::plugins::rewards {

class Length : public Reward {
 public:
  void describe(Description& d) override;
  void check() override;
  double score(const Exchange& exchange) override;

 private:
  std::optional<std::int64_t> min_characters_, max_characters_, min_words_, max_words_;
};

}  // namespace lehr::plugins::rewards
