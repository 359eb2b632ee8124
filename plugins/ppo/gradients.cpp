#include "gradients.h"

#include <ATen/TensorOperators.h>
#include <lehr/value.h>

#include "lm/operators.h"
#include "lm/ppo_math.h"

namespace lehr::plugins::ppo {

namespace {

double tokens_of(const std::vector<RolloutRow>& rows) {
  double tokens = 0;
  for (const RolloutRow& row : rows) tokens += static_cast<double>(row.flat.size());
  return tokens;
}

}  // namespace

double policy_gradient(lm::Model& policy, const std::vector<RolloutRow>& rows,
                       const std::vector<float>& logprobs, const std::vector<float>& advantages,
                       const PpoOptions& options, bool first, UpdateTally& tally) {
  const double tokens = tokens_of(rows);
  double total = 0;
  for (const RolloutRow& row : rows) {
    const lm::PackedBatch& batch = row.packed.batch;
    const lm::TokenLogprobs now = lm::token_logprobs(policy.forward_hidden(batch), policy.head(),
                                                     batch.loss_entries, options.temperature);
    const lm::PolicyTerms terms =
        lm::policy_loss(now.logprobs, gather(logprobs, row), gather(advantages, row), options.clip,
                        options.dual_clip);
    at::Tensor loss = terms.loss / tokens;
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
    const lm::ValueTerms terms =
        lm::value_loss(now, gather(values, row), gather(returns, row), options.value_clip);
    const at::Tensor loss = terms.loss * (options.value_coefficient / tokens);
    critic.backward(loss);
    total += loss.item<double>();
    tally.value_loss += terms.loss.item<double>();
    tally.value_clipped += terms.clipped;
  }
  return total;
}

}  // namespace lehr::plugins::ppo
