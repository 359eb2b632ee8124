// The checks of `lehr selftest`: what `lehr` offers and explains, and what lehr-selftest has a
// function for (checks.cpp). In the order in which they run.
#pragma once

namespace lehr::selftest {

struct CheckName {
  const char* name;
  const char* promise;
};

inline constexpr CheckName kCheckNames[] = {
    {"reference", "losses and gradients are those of plain operators in float64"},
    {"packed", "documents packed into one row give what each gives alone"},
    {"lora", "an adapter merged into the weights gives what it gives beside them"},
    {"decoding", "tokens are drawn with the probabilities that training computes"},
    {"reward", "an answer's score does not depend on what is scored with it"},
    {"accumulation", "a step in small parts is the step in one"},
    {"dpo", "DPO's first loss is ln 2"},
    {"ppo", "PPO's first ratio is 1 and its first KL is 0"},
    {"export", "exported files give the model's own logits"},
    {"template", "training sees a question and its answer as chat writes them"},
    {"resume", "killed and run again, pretraining and PPO give the same bytes"},
};

}  // namespace lehr::selftest
