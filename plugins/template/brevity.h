// A reward: scores one answer; PPO and evaluation may add it to the reward model's score.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>

class Brevity : public lehr::Reward {
 public:
  void describe(lehr::Description& d) override {
    d.summary(
        "1 for an answer of at most target bytes, falling towards 0 as it grows; 0 for one that "
        "never ends");
    d.integer("target", target_).at_least(1).help("bytes that cost nothing");
  }

  double score(const lehr::Exchange& exchange) override {
    if (exchange.truncated) return 0;
    const auto length = static_cast<double>(exchange.completion.size());
    const auto target = static_cast<double>(target_);
    return length <= target ? 1 : target / length;
  }

 private:
  std::int64_t target_ = 80;
};
