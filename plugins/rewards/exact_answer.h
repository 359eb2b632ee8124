// 1 for the answer that is expected, the `reference` of its prompt, else 0. What counts as the same
// is what `evaluate` counts (text/answer_match.h).
#pragma once

#include <lehr/plugin.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pattern.h"

namespace lehr::plugins::rewards {

class ExactAnswer : public Reward {
 public:
  void describe(Description& d) override;
  // Compiles the expression.
  void check() override;
  double score(const Exchange& exchange) override;

 private:
  // Without the characters that do not count.
  std::string counted(std::string_view text) const;

  std::optional<std::string> extract_;
  std::string ignore_, without_reference_ = "error";
  std::vector<std::string> refusals_ = {"I don't know"};
  std::optional<Pattern> pattern_;
};

}  // namespace lehr::plugins::rewards
