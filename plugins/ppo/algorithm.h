// What tells the algorithms apart. All else they share: sampling and scores, the clipped ratio, the
// tie to the reference, checkpoints, evaluation.
#pragma once

#include <cstdint>

namespace lehr::plugins::ppo {

// What an answer's rewards are compared with.
enum class Baseline {
  kCritic,  // at every token, what a value model foresees
  kGroup,   // mean and deviation over the answers to the same prompt
  kOthers,  // mean of the other answers to the same prompt
};

struct Algorithm {
  const char* name;
  Baseline baseline;
  bool kl_in_loss;           // of every token; else taken from the rewards
  bool ratio_of_answers;     // one ratio and one term of the loss for a whole answer; else a token
  const char* kl_estimator;  // by default
  std::int64_t num_generations;  // by default

  bool has_critic() const { return baseline == Baseline::kCritic; }
};

// Schulman et al. 2017; Shao et al. 2024 (DeepSeekMath); Ahmadian et al. 2024.
inline constexpr Algorithm kAlgorithms[] = {
    {"ppo", Baseline::kCritic, false, false, "k1", 1},
    {"grpo", Baseline::kGroup, true, false, "k3", 8},
    {"rloo", Baseline::kOthers, false, true, "k1", 2},
};

}  // namespace lehr::plugins::ppo
