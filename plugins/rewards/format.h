// 1 for an answer of a form: a regular expression matches all of it. Else 0.
#pragma once

#include <lehr/plugin.h>

#include <string>

#include "pattern.h"

namespace lehr::plugins::rewards {

class Format : public Reward {
 public:
  void describe(Description& d) override;
  // Compiles the expression.
  void check() override;
  double score(const Exchange& exchange) override;

 private:
  std::string expression_;
  Pattern pattern_;
};

}  // namespace lehr::plugins::rewards
