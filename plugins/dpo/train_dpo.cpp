// P pairs of one row. A row holds, for each pair, the prompt once and both answers.
#include "train_dpo.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <lehr/mistakes.h>

#include <numbers>

#include "lm/preference_feed.h"
#include "pair_logprobs.h"

namespace lehr::plugins::dpo {

namespace {

// Pairs, and tokens of their chosen and rejected answers, that one update or evaluation sees.
struct Counts {
  double pairs = 0;
  double tokens[2] = {0, 0};
};

void add(const lm::Packed& row, Counts& counts) {
  for (const lm::SegmentOwner& owner : row.owners) counts.pairs += owner.branch < 0 ? 1 : 0;
  for (const lm::LossEntry& entry : row.batch.loss_entries)
    counts.tokens[row.owners[static_cast<std::size_t>(entry.segment)].branch] += 1;
}

// Sums for the metrics.
struct Tally {
  double loss = 0, rewards[2] = {0, 0}, right = 0, logps[2] = {0, 0}, logits[2] = {0, 0};
  double entropy = 0;

  lm::Metrics metrics(const Counts& n) const {
    return {{"loss", loss},
            {"rewards/chosen", rewards[0] / n.pairs},
            {"rewards/rejected", rewards[1] / n.pairs},
            {"rewards/accuracies", right / n.pairs},
            {"rewards/margins", (rewards[0] - rewards[1]) / n.pairs},
            {"logps/chosen", logps[0] / n.pairs},
            {"logps/rejected", logps[1] / n.pairs},
            {"logits/chosen", logits[0] / n.tokens[0]},
            {"logits/rejected", logits[1] / n.tokens[1]},
            {"entropy", entropy / (n.tokens[0] + n.tokens[1])}};
  }
};

class DpoLoss : public PairLoss {
 public:
  DpoLoss(const lm::PreferenceOptions& options, double nll_weight)
      : options_(options), nll_weight_(nll_weight) {}

  bool needs_reference() const override { return lm::needs_reference(options_.loss); }

  lm::Metrics measure(const lm::Model& model, const EachRow& rows, const PairSet& set,
                      bool learn) const override {
    Counts counts;
    rows([&](const lm::Packed& row) { add(row, counts); });
    Tally tally;
    rows([&](const lm::Packed& row) {
      const at::Tensor loss = row_loss(model, row, set, counts, tally);
      if (learn) model.backward(loss);
    });
    return tally.metrics(counts);
  }

  // d = 0 for every pair, whatever the smoothing.
  std::optional<double> loss_at_reference(const std::vector<lm::Packed>&,
                                          const PairSet&) const override {
    if (nll_weight_ != 0 || (options_.loss != lm::PreferenceLoss::kSigmoid &&
                             options_.loss != lm::PreferenceLoss::kRobust))
      return {};
    return std::numbers::ln2;
  }

 private:
  // The row's share of the mean loss over all pairs of `counts`: a scalar, differentiable.
  at::Tensor row_loss(const lm::Model& model, const lm::Packed& row, const PairSet& set,
                      const Counts& counts, Tally& tally) const {
    const RowLogprobs found = row_logprobs(model, row);
    const at::Tensor tokens = at::tensor(found.tokens).view({-1, 2});
    lm::PairLogprobs pairs;
    pairs.chosen = found.sums.select(1, lm::kChosen);
    pairs.rejected = found.sums.select(1, lm::kRejected);
    pairs.chosen_tokens = tokens.select(1, lm::kChosen);
    pairs.rejected_tokens = tokens.select(1, lm::kRejected);
    if (needs_reference()) {
      pairs.reference_chosen = reference_of(set, found.pairs, lm::kChosen);
      pairs.reference_rejected = reference_of(set, found.pairs, lm::kRejected);
    }
    const lm::PreferenceTerms terms = lm::preference_loss(pairs, options_);
    at::Tensor loss = terms.losses.sum() / counts.pairs;
    if (nll_weight_ > 0) loss = loss - pairs.chosen.sum() * (nll_weight_ / counts.tokens[0]);

    tally.loss += loss.item<double>();
    tally.rewards[0] += terms.chosen_rewards.sum().item<double>();
    tally.rewards[1] += terms.rejected_rewards.sum().item<double>();
    tally.right += (terms.chosen_rewards > terms.rejected_rewards).sum().item<double>();
    for (const int side : {lm::kChosen, lm::kRejected})
      tally.logps[side] += found.sums.select(1, side).sum().item<double>();
    for (std::size_t i = 0; i < found.logit_sums.size(); ++i)
      tally.logits[i % 2] += found.logit_sums[i];
    tally.entropy += found.entropy_sum;
    return loss;
  }

  const lm::PreferenceOptions& options_;
  const double nll_weight_;
};

}  // namespace

void TrainDpo::describe(Description& d) {
  d.summary("aligns a model with preferences directly: DPO, cDPO, robust, hinge, IPO, ORPO, SimPO");
  describe_ports(d, "preferences", "dpo.logprobs");
  d.choice("loss", loss_, {"sigmoid", "robust", "hinge", "ipo", "orpo", "simpo"});
  d.real("beta", preference_.beta).range(1e-4, 100).help("strength of the tie to the reference");
  d.real("label_smoothing", preference_.label_smoothing)
      .range(0, 0.499)
      .help("share of pairs believed to be the wrong way round; with sigmoid this is cDPO");
  d.real("margin", preference_.margin).range(0, 100).help("gamma of simpo");
  d.real("nll_weight", nll_weight_)
      .range(0, 100)
      .help("adds so much of the mean NLL of the chosen answers' tokens");
  dpo::describe(d, options_);
}

void TrainDpo::check() {
  Mistakes mistakes;
  mistakes.of([&] { lm::check(options_.training); });
  mistakes.of([&] { lm::check_no_dropout(options_.training.lora); });
  if (preference_.label_smoothing > 0 && loss_ != "sigmoid" && loss_ != "robust")
    mistakes.add("label_smoothing: belongs to loss 'sigmoid' or 'robust', not '" + loss_ + "'");
  if (preference_.margin != lm::PreferenceOptions().margin && loss_ != "simpo")
    mistakes.add("margin: belongs to loss 'simpo', not '" + loss_ +
                 "'; the margins of pairs are read by reward models alone");
  if (loss_ == "robust" && preference_.label_smoothing == 0)
    mistakes.add(
        "label_smoothing: loss 'robust' corrects for this share of pairs, and at 0 it is "
        "'sigmoid'. Give a share, as 0.1, or take that loss");
  mistakes.report();
}

void TrainDpo::check_inputs(const std::vector<Input>& inputs) {
  if (lm::needs_reference(lm::parse_preference_loss(loss_))) return;
  for (const char* port : {"reference", "logprobs"})
    if (connected(inputs, port) > 0)
      throw Error(std::string(port) + ": loss '" + loss_ +
                  "' looks at no reference; leave the input out");
}

void TrainDpo::estimate(const std::vector<Input>& inputs, Estimate& out) {
  estimate_pair_training(options_, inputs, out);
}

void TrainDpo::run(Context& context) {
  preference_.loss = lm::parse_preference_loss(loss_);
  train_on_pairs(context, options_, &read_pair_rows, DpoLoss(preference_, nll_weight_));
}

}  // namespace lehr::plugins::dpo
