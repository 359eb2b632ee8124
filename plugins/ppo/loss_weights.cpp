#include "loss_weights.h"

#include <algorithm>

namespace lehr::plugins::ppo {

std::vector<float> token_weights(const PpoOptions& options, const Rollouts& rollouts) {
  std::vector<float> weights(rollouts.tokens(), 1.0f);
  for (std::size_t i = 0; i < rollouts.answers(); ++i) {
    const lm::AnswerSpan& span = rollouts.spans[i];
    float weight = 1;
    if (options.loss_type == "grpo") weight /= static_cast<float>(span.end - span.begin);
    if (options.mask_truncated_completions && !rollouts.ended[i]) weight = 0;
    std::fill(weights.begin() + span.begin, weights.begin() + span.end, weight);
  }
  return weights;
}

double loss_divisor(const PpoOptions& options, double tokens, double answers) {
  if (options.chosen().ratio_of_answers || options.loss_type == "grpo") return answers;
  if (options.loss_type == "dr_grpo") return answers * static_cast<double>(options.max_new_tokens);
  return std::max(1.0, tokens);
}

}  // namespace lehr::plugins::ppo
