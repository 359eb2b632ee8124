// What is reported about pairs of scored answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lehr::plugins::reward {

// 32 bytes, as all pairs of an evaluation are held at once.
struct ScoredPair {
  float chosen = 0, rejected = 0;                       // scores
  std::int32_t chosen_tokens = 0, rejected_tokens = 0;  // of the answers
  std::string_view source;                              // outlives the tally
};

class PairTally {
 public:
  void reserve(std::size_t pairs) { pairs_.reserve(pairs); }
  void add(const ScoredPair& pair) { pairs_.push_back(pair); }
  std::size_t size() const { return pairs_.size(); }

  using Metrics = std::vector<std::pair<std::string, double>>;
  // accuracy (chosen above rejected), margin, min_reward, mean_reward, max_reward.
  Metrics metrics() const;
  // reward_length_correlation, calibration_error and, where rows name sources, accuracy/SOURCE.
  Metrics analysis() const;

 private:
  std::vector<ScoredPair> pairs_;
};

}  // namespace lehr::plugins::reward
