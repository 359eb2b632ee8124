// For `lehr plan`: the work and the memory of the whole stage, known before it runs but for how
// long its answers get. So it is the most that it can be: every answer has max_new_tokens, or what
// the context leaves.
#pragma once

#include <vector>

#include "lm/config.h"
#include "lm/train_options.h"
#include "options.h"
#include "questions.h"

namespace lehr::plugins::ppo {

// Mean tokens of a question and of its longest answer.
struct Lengths {
  double question = 0;
  double answer = 0;
  double together() const { return question + answer; }
};
// questions: empty where they are not known yet; then they fill the context.
Lengths most_tokens(const PpoOptions& options, const std::vector<Question>& questions,
                    std::int64_t context_length);

// FLOPs by the formula of ModelConfig::flops_per_token, a third of it for a pass that only reads.
struct Work {
  double tokens = 0;  // prompts and answers, scored once and seen again in every epoch
  double decoding_flops = 0;
  double other_flops = 0;  // passes of policy, reference, critic and judge over packed rows
};
// critic: also the judge's shape, where `judged`. row_tokens: a group shares its prompt as far as a
// row holds it.
Work most_work(const PpoOptions& options, std::int64_t row_tokens, const Lengths& lengths,
               const lm::ModelConfig& policy, const lm::ModelConfig& critic, bool judged);

double most_bytes(const PpoOptions& options, const lm::TrainOptions& training,
                  const Lengths& lengths, const lm::ModelConfig& policy,
                  const lm::ModelConfig& critic, bool judged);

}  // namespace lehr::plugins::ppo
