// Where tests run the stage.
#pragma once

#include <string>

#include "lm/reward_scores.h"
#include "lm/stage_workshop_test.h"
#include "train_ppo.h"

namespace lehr::plugins::ppo {

// A stage over a model that answers with four tokens or less, judged by a head drawn at random.
struct Workshop : lm::StageWorkshop<TrainPpo> {
  Workshop() {
    connect("policy", model());
    connect("reward", model().with_score_head(2));
    lm::write_reward_scale(host.root / "reward", {});
    const std::string rows = R"({"prompt":[{"role":"user","content":"Who?"}]})"
                             "\n"
                             R"({"prompt":[{"role":"user","content":"And why?"}]})"
                             "\n";
    connect("prompts", rows, rows);
  }
};

inline constexpr const char* kShared = "ppo_shared";

inline nlohmann::json parameters(const std::string& variant, int iterations) {
  const bool shared = variant == kShared;
  return {{"algorithm", shared ? "ppo" : variant},
          {"critic", shared ? "shared" : "separate"},
          {"precision", "fp32"},
          {"iterations", iterations},
          {"samples", 16},
          {"epochs", 2},
          {"minibatches", 2},
          {"max_new_tokens", 4},
          {"learning_rate", 1e-2},
          {"missing_end_penalty", 0}};
}

}  // namespace lehr::plugins::ppo
