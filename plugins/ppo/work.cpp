#include "work.h"

#include <algorithm>

namespace lehr::plugins::ppo {

double most_tokens(const PpoOptions& options, const std::vector<Question>& questions,
                   std::int64_t context_length) {
  std::int64_t sum = 0;
  for (const Question& question : questions)
    sum += std::min(context_length,
                    static_cast<std::int64_t>(question.ids.size()) + options.max_new_tokens);
  return static_cast<double>(sum) / static_cast<double>(questions.size());
}

Work most_work(const PpoOptions& options, double length, const lm::ModelConfig& policy,
               const lm::ModelConfig& critic, bool judged) {
  const double sampled = length * static_cast<double>(options.samples * options.iterations);
  const double mean_keys = (length + 1) / 2;
  const double policy_pass = sampled * policy.flops_per_token(mean_keys) / 3;
  const double critic_pass = sampled * critic.flops_per_token(mean_keys) / 3;
  const auto epochs = static_cast<double>(options.epochs);

  Work work;
  work.tokens = sampled * (1 + epochs);
  work.decoding_flops = policy_pass;
  work.other_flops = policy_pass * (2 + 3 * epochs)  // old, reference, updates
                     + critic_pass * (1 + 3 * epochs) + (judged ? critic_pass : 0);
  return work;
}

}  // namespace lehr::plugins::ppo
