#include "gradients.h"

#include <ATen/TensorOperators.h>
#include <lehr/value.h>

#include "lm/operators.h"
#include "lm/ppo_math.h"
#include "lm/preference_loss.h"

namespace lehr::plugins::ppo {

namespace {

double tokens_of(const std::vector<RolloutRow>& rows) {
  double tokens = 0;
  for (const RolloutRow& row : rows) tokens += static_cast<double>(row.flat.size());
  return tokens;
}

double answers_of(const std::vector<RolloutRow>& rows) {
  double answers = 0;
  for (const RolloutRow& row : rows) answers += static_cast<double>(row.firsts.size());
  return answers;
}

// The clipped loss over tokens, or over answers by the sums of their tokens' log-probabilities.
lm::PolicyTerms policy_terms(const at::Tensor& logprobs, const RolloutRow& row,
                             const PolicyTargets& targets, const PpoOptions& options) {
  const at::Tensor old = gather(targets.logprobs, row.flat);
  if (!options.chosen().ratio_of_answers)
    return lm::policy_loss(logprobs, old, gather(targets.advantages, row.flat), options.clip,
                           options.dual_clip);
  const auto answers = static_cast<std::int64_t>(row.firsts.size());
  return lm::policy_loss(lm::sum_by_group(logprobs, row.answers, answers),
                         lm::sum_by_group(old, row.answers, answers),
                         gather(targets.advantages, row.firsts), options.clip, options.dual_clip);
}

}  // namespace

double policy_gradient(lm::Model& policy, const std::vector<RolloutRow>& rows,
                       const PolicyTargets& targets, const PpoOptions& options, bool first,
                       UpdateTally& tally) {
  const Algorithm& algorithm = options.chosen();
  const double tokens = tokens_of(rows);
  const double ratios = algorithm.ratio_of_answers ? answers_of(rows) : tokens;
  double total = 0;
  for (const RolloutRow& row : rows) {
    const lm::PackedBatch& batch = row.packed.batch;
    const lm::TokenLogprobs now = lm::token_logprobs(policy.forward_hidden(batch), policy.head(),
                                                     batch.loss_entries, options.temperature);
    const lm::PolicyTerms terms = policy_terms(now.logprobs, row, targets, options);
    at::Tensor loss = terms.loss / ratios;
    if (algorithm.kl_in_loss) {
      const at::Tensor kl = lm::kl_loss(now.logprobs, gather(targets.reference_logprobs, row.flat));
      loss = loss + kl * (targets.beta / tokens);
      tally.kl += kl.item<double>();
    }
    if (options.entropy_coefficient > 0)
      loss = loss - now.entropy.sum() * (options.entropy_coefficient / tokens);
    policy.backward(loss);
    total += loss.item<double>();
    if (first && (terms.ratio != 1).sum().item<double>() != 0)
      throw Error(
          "the ratio of new to old probabilities is not exactly 1 at the first minibatch: "
          "two passes over the same rows disagree");
    const at::Tensor ratio = terms.ratio.to(at::kDouble);
    tally.tokens += static_cast<double>(row.flat.size());
    tally.ratios += static_cast<double>(ratio.numel());
    tally.policy_loss += terms.loss.item<double>();
    tally.clipped += terms.clipped;
    tally.approximate_kl += terms.approximate_kl;
    tally.entropy += now.entropy.sum().item<double>();
    tally.ratio += ratio.sum().item<double>();
    tally.ratio_squared += (ratio * ratio).sum().item<double>();
  }
  return total;
}

double value_gradient(lm::Model& critic, const std::vector<RolloutRow>& rows,
                      const std::vector<float>& values, const std::vector<float>& returns,
                      const PpoOptions& options, UpdateTally& tally) {
  const double tokens = tokens_of(rows);
  double total = 0;
  for (const RolloutRow& row : rows) {
    const at::Tensor now =
        lm::scalar_head(critic.forward_hidden(row.packed.batch), critic.head(), row.rows);
    const lm::ValueTerms terms = lm::value_loss(now, gather(values, row.flat),
                                                gather(returns, row.flat), options.value_clip);
    const at::Tensor loss = terms.loss * (options.value_coefficient / tokens);
    critic.backward(loss);
    total += loss.item<double>();
    tally.value_loss += terms.loss.item<double>();
    tally.value_clipped += terms.clipped;
  }
  return total;
}

}  // namespace lehr::plugins::ppo
