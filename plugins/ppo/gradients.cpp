#include "gradients.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <lehr/value.h>

#include <algorithm>

#include "lm/operators.h"
#include "lm/ppo_math.h"
#include "lm/preference_loss.h"
#include "loss_weights.h"

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

double unmasked_tokens(const std::vector<RolloutRow>& rows, const std::vector<float>& weights) {
  double tokens = 0;
  for (const RolloutRow& row : rows)
    for (const std::int64_t t : row.flat) tokens += weights[static_cast<std::size_t>(t)] > 0;
  return tokens;
}

at::Tensor sum_by_answer(const at::Tensor& of_tokens, const RolloutRow& row) {
  return lm::sum_by_group(of_tokens, row.answers, static_cast<std::int64_t>(row.firsts.size()));
}

// The clipped terms of tokens, or of answers by their tokens' log-probabilities: RLOO takes their
// sums, GRPO (GSPO; Zheng et al. 2025) their means.
lm::PolicyTerms policy_terms(const at::Tensor& logprobs, const RolloutRow& row,
                             const PolicyTargets& targets, const PpoOptions& options) {
  const lm::RatioClip clip{options.clip, options.epsilon_high.value_or(options.clip),
                           options.dual_clip};
  const at::Tensor old = gather(targets.logprobs, row.flat);
  if (!options.ratio_of_answers())
    return lm::policy_loss(logprobs, old, gather(targets.advantages, row.flat), clip);
  at::Tensor now = sum_by_answer(logprobs, row), before = sum_by_answer(old, row);
  if (!options.chosen().ratio_of_answers) {
    const at::Tensor lengths = sum_by_answer(at::ones_like(old), row);
    now = now / lengths;
    before = before / lengths;
  }
  return lm::policy_loss(now, before, gather(targets.advantages, row.firsts), clip);
}

// What the terms count: an answer's as much as its tokens, but one of RLOO's, whose tokens are in
// its ratio already.
at::Tensor term_weights(const at::Tensor& token_weights, const RolloutRow& row,
                        const PolicyTargets& targets, const PpoOptions& options) {
  if (!options.ratio_of_answers()) return token_weights;
  if (options.chosen().ratio_of_answers) return gather(targets.weights, row.firsts);
  return sum_by_answer(token_weights, row);
}

// The KL of tokens in the loss. Corrected (DeepSeek-V3.2): times the ratio, as the tokens are the
// old policy's and the KL is to be the new one's.
at::Tensor token_kl(const at::Tensor& logprobs, const lm::PolicyTerms& terms, const RolloutRow& row,
                    const PolicyTargets& targets, const PpoOptions& options) {
  const at::Tensor kl = lm::kl_terms(logprobs, gather(targets.reference_logprobs, row.flat));
  if (!options.use_bias_correction_kl) return kl;
  if (!options.ratio_of_answers()) return kl * terms.ratio;
  return kl * at::index_select(terms.ratio, 0, at::tensor(row.answers));
}

// The critic's part of the loss. head: the critic's, over its own trunk or the policy's; tokens: of
// the minibatch.
at::Tensor weighted_value_loss(const at::Tensor& hidden, const lm::LinearHead& head,
                               const RolloutRow& row, const ValueTargets& targets,
                               const PpoOptions& options, double tokens, UpdateTally& tally) {
  const at::Tensor now = lm::scalar_head(hidden, head, row.rows);
  const lm::ValueTerms terms = lm::value_loss(
      now, gather(targets.values, row.flat), gather(targets.returns, row.flat), options.value_clip);
  tally.value_loss += terms.loss.item<double>();
  tally.value_clipped += terms.clipped;
  return terms.loss * (options.value_coefficient / tokens);
}

double sum(const at::Tensor& values, const at::Tensor& mask) {
  return (values.detach() * mask).sum().item<double>();
}

}  // namespace

double policy_gradient(lm::Model& policy, const std::vector<RolloutRow>& rows,
                       const PolicyTargets& targets, const PpoOptions& options, bool first,
                       UpdateTally& tally) {
  const double tokens = unmasked_tokens(rows, targets.weights);
  const double divisor = loss_divisor(options, tokens, answers_of(rows));
  double total = 0;
  for (const RolloutRow& row : rows) {
    const lm::PackedBatch& batch = row.packed.batch;
    const at::Tensor hidden = policy.forward_hidden(batch);
    const lm::TokenLogprobs now =
        lm::token_logprobs(hidden, policy.head(), batch.loss_entries, options.temperature);
    const lm::PolicyTerms terms = policy_terms(now.logprobs, row, targets, options);
    const at::Tensor weights = gather(targets.weights, row.flat), seen = at::gt(weights, 0);
    const at::Tensor counts = term_weights(weights, row, targets, options);
    at::Tensor loss = (terms.losses * counts).sum() / divisor;
    if (options.chosen().kl_in_loss) {
      const at::Tensor kl = token_kl(now.logprobs, terms, row, targets, options);
      loss = loss + (kl * weights).sum() * (targets.beta / divisor);
      tally.kl += sum(kl, seen);
    }
    if (options.entropy_coefficient > 0)
      loss =
          loss - (now.entropy * seen).sum() * (options.entropy_coefficient / std::max(1.0, tokens));
    if (targets.critic)
      loss = loss + weighted_value_loss(hidden, policy.score_head(), row, *targets.critic, options,
                                        tokens_of(rows), tally);
    policy.backward(loss);
    total += loss.item<double>();
    if (first && (terms.ratio != 1).sum().item<double>() != 0)
      throw Error(
          "the ratio of new to old probabilities is not exactly 1 at the first minibatch: "
          "two passes over the same rows disagree");
    const at::Tensor counted = at::gt(counts, 0), ratio = terms.ratio.detach().to(at::kDouble);
    tally.tokens += seen.sum().item<double>();
    tally.ratios += counted.sum().item<double>();
    tally.policy_loss += sum(terms.losses, counted);
    tally.clipped += sum(terms.clipped, counted);
    tally.approximate_kl += sum(terms.divergence, counted);
    tally.entropy += sum(now.entropy, seen);
    tally.ratio += sum(ratio, counted);
    tally.ratio_squared += sum(ratio * ratio, counted);
  }
  return total;
}

double value_gradient(lm::Model& critic, const std::vector<RolloutRow>& rows,
                      const ValueTargets& targets, const PpoOptions& options, UpdateTally& tally) {
  const double tokens = tokens_of(rows);
  double total = 0;
  for (const RolloutRow& row : rows) {
    const at::Tensor loss =
        weighted_value_loss(critic.forward_hidden(row.packed.batch), critic.score_head(), row,
                            targets, options, tokens, tally);
    critic.backward(loss);
    total += loss.item<double>();
  }
  return total;
}

}  // namespace lehr::plugins::ppo
