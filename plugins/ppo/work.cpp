#include "work.h"

#include <algorithm>
#include <cmath>

#include "lm/runtime.h"
#include "lm/training_estimate.h"

namespace lehr::plugins::ppo {

namespace {

// What one answer adds to packed rows: its share of the prompt, and itself.
struct Share {
  double tokens;
  double mean_keys;  // that one of them attends to
};

Share share_of(const PpoOptions& options, std::int64_t row_tokens, const Lengths& n) {
  const double fit = std::floor((static_cast<double>(row_tokens) - n.question) / n.answer);
  const double sharing = std::clamp(fit, 1.0, static_cast<double>(options.group()));
  const double tokens = n.question / sharing + n.answer;
  const double keys =
      n.question / sharing * (n.question + 1) / 2 + n.answer * (n.question + (n.answer + 1) / 2);
  return {tokens, keys / tokens};
}

}  // namespace

Lengths most_tokens(const PpoOptions& options, const std::vector<Question>& questions,
                    std::int64_t context_length) {
  const std::int64_t longest = longest_prompt(context_length, options.max_new_tokens);
  if (questions.empty())
    return {static_cast<double>(longest), static_cast<double>(context_length - longest)};
  std::int64_t asked = 0, together = 0;
  for (const Question& question : questions) {
    const auto tokens = static_cast<std::int64_t>(question.ids.size());
    asked += tokens;
    together += std::min(context_length, tokens + options.max_new_tokens);
  }
  const auto count = static_cast<double>(questions.size());
  return {static_cast<double>(asked) / count, static_cast<double>(together - asked) / count};
}

Work most_work(const PpoOptions& options, std::int64_t row_tokens, const Lengths& lengths,
               const lm::ModelConfig& policy, const lm::ModelConfig& critic, bool judged) {
  const auto answers = static_cast<double>(options.samples * options.iterations);
  const auto epochs = static_cast<double>(options.epochs);
  const Share share = share_of(options, row_tokens, lengths);
  const double policy_pass = answers * share.tokens * policy.flops_per_token(share.mean_keys) / 3;
  const double critic_pass = answers * share.tokens * critic.flops_per_token(share.mean_keys) / 3;
  const double critic_passes = options.separate_critic() ? 1 + 3 * epochs : 0;

  Work work;
  work.tokens = answers * share.tokens * (1 + epochs);
  // Answers to one prompt may be taken in one by one.
  work.decoding_flops =
      answers * lengths.together() * policy.flops_per_token((lengths.together() + 1) / 2) / 3;
  work.other_flops = policy_pass * (2 + 3 * epochs)  // old, reference, updates
                     + critic_pass * (critic_passes + (judged ? 1 : 0));
  return work;
}

// Beside policy, reference (the policy's own weights where an adapter is trained), critic and
// judge, what the hungriest of decoding, scoring and updating needs: samples are decoded, scored
// and evaluated all together, and updated by minibatches.
double most_bytes(const PpoOptions& o, const lm::TrainOptions& training, const Lengths& lengths,
                  const lm::ModelConfig& policy, const lm::ModelConfig& critic, bool judged) {
  const lm::Precision precision = lm::parse_precision(training.precision);
  const double models = lm::trained_bytes(policy, training) + lm::best_bytes(policy, training) +
                        (o.separate_critic() ? lm::trained_bytes(critic, training) : 0) +
                        (training.lora.rank ? 0 : lm::frozen_bytes(policy, precision)) +
                        (judged ? lm::frozen_bytes(critic, precision) : 0);
  const auto row = [&](double tokens) {
    return static_cast<std::int64_t>(
        std::min(std::ceil(tokens), static_cast<double>(training.micro_batch_tokens)));
  };
  // Of one row all are evaluated, each with a prompt of its own; a minibatch's share theirs.
  const std::int64_t together = std::max(o.samples, o.eval_samples);
  const std::int64_t updated = (o.samples + o.minibatches - 1) / o.minibatches;
  const double share = share_of(o, training.micro_batch_tokens, lengths).tokens;
  return lm::process_bytes(precision) + models +
         std::max({lm::generation_bytes(policy, training, std::min(together, o.decoding_batch),
                                        static_cast<std::int64_t>(std::ceil(lengths.together()))),
                   lm::pass_bytes(policy, training,
                                  row(static_cast<double>(together) * lengths.together())),
                   lm::step_bytes(policy, training, row(static_cast<double>(updated) * share))});
}

}  // namespace lehr::plugins::ppo
