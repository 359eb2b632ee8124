// What is reported about pairs of scored answers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lehr::plugins::reward {

struct ScoredPair {
  double chosen = 0, rejected = 0;                      // scores
  std::int64_t chosen_tokens = 0, rejected_tokens = 0;  // of the answers
  std::string source;
};

class PairTally {
 public:
  void add(ScoredPair pair) { pairs_.push_back(std::move(pair)); }
  std::size_t size() const { return pairs_.size(); }

  using Metrics = std::vector<std::pair<std::string, double>>;
  // accuracy (chosen above rejected), margin, min_reward, mean_reward, max_reward.
  Metrics metrics() const;
  // reward_length_correlation, calibration_error and, where rows name sources, accuracy/SOURCE.
  Metrics analysis() const;

 private:
  std::vector<ScoredPair> pairs_;
};

// Pearson's correlation; 0 where one side does not vary. Sizes are equal.
double correlation(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace lehr::plugins::reward
