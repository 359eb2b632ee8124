// For `lehr plan`: the work of the whole stage, known before it runs but for how long its answers
// get. So it is the most that it can be: every answer has max_new_tokens, or what the context
// leaves.
#pragma once

#include <vector>

#include "lm/config.h"
#include "options.h"
#include "questions.h"

namespace lehr::plugins::ppo {

// FLOPs by the formula of ModelConfig::flops_per_token, a third of it for a pass that only reads.
struct Work {
  double tokens = 0;  // prompts and answers, scored once and seen again in every epoch
  double decoding_flops = 0;
  double other_flops = 0;  // passes of policy, reference, critic and judge over packed rows
};

// Mean tokens of a question with its longest answer. questions: not empty.
double most_tokens(const PpoOptions& options, const std::vector<Question>& questions,
                   std::int64_t context_length);

// length: of a question with its answer, in tokens. critic: also the judge's shape, where `judged`.
Work most_work(const PpoOptions& options, double length, const lm::ModelConfig& policy,
               const lm::ModelConfig& critic, bool judged);

}  // namespace lehr::plugins::ppo
