// A row holds, for each row of feedback, the prompt once, its answer and a mismatched one. The loss
// of an answer needs the mean over all mismatched ones of the update, so these go first, without
// gradients, and both go through the model apart.
#include "train_kto.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <lehr/mistakes.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>

#include "lm/packer.h"
#include "lm/preference_feed.h"
#include "pair_logprobs.h"

namespace lehr::plugins::dpo {

namespace {

constexpr double kMostBalance = 4.0 / 3;  // of good to bad answers; equation 8 of the paper

// Sums for the metrics; good answers come first, as kChosen does.
struct KtoTally {
  double loss = 0, kl = 0, entropy = 0;
  double answers[2] = {0, 0}, tokens[2] = {0, 0};
  double rewards[2] = {0, 0}, logps[2] = {0, 0}, logits[2] = {0, 0};

  // Those of a kind of which there is no answer are left out.
  lm::Metrics metrics() const {
    const char* const kinds[] = {"chosen", "rejected"};
    lm::Metrics out = {{"loss", loss}};
    const auto add = [&](const std::string& name, const double(&sums)[2],
                         const double(&counts)[2]) {
      for (const int kind : {lm::kChosen, lm::kRejected})
        if (counts[kind] > 0) out.emplace_back(name + kinds[kind], sums[kind] / counts[kind]);
    };
    add("rewards/", rewards, answers);
    if (answers[0] > 0 && answers[1] > 0)
      out.emplace_back("rewards/margins", rewards[0] / answers[0] - rewards[1] / answers[1]);
    add("logps/", logps, answers);
    add("logits/", logits, tokens);
    out.emplace_back("kl", kl);
    out.emplace_back("entropy", entropy / (tokens[0] + tokens[1]));
    for (const int kind : {lm::kChosen, lm::kRejected})
      out.emplace_back(std::string("count/") + kinds[kind], answers[kind]);
    return out;
  }
};

class KtoLoss : public PairLoss {
 public:
  explicit KtoLoss(const lm::KtoOptions& options) : options_(options) {}

  ScorePairs score() const override { return &logprobs_apart; }

  lm::Metrics measure(const lm::Model& model, const EachRow& rows, const PairSet& set,
                      bool learn) const override {
    double pairs = 0, distance = 0;
    rows([&](const lm::Packed& row) {
      const at::NoGradGuard no_gradients;
      const RowLogprobs found = row_logprobs(model, only_branch(row, lm::kMismatched));
      distance += log_ratios(found, set, lm::kMismatched).sum().item<double>();
      pairs += static_cast<double>(found.pairs.size());
    });
    KtoTally tally;
    tally.kl = std::max(0.0, distance / pairs);
    rows([&](const lm::Packed& row) {
      const at::Tensor loss = row_loss(model, row, set, pairs, tally);
      if (learn) model.backward(loss);
    });
    return tally.metrics();
  }

  // h and z0 are 0, so every answer loses half its weight.
  std::optional<double> loss_at_reference(const std::vector<lm::Packed>& rows,
                                          const PairSet& set) const override {
    double weights = 0, pairs = 0;
    for (const lm::Packed& row : rows)
      for (const lm::SegmentOwner& owner : row.owners) {
        if (owner.branch >= 0) continue;
        weights += options_.weight(set.good[static_cast<std::size_t>(owner.sequence)]);
        pairs += 1;
      }
    return weights / pairs / 2;
  }

 private:
  // [P] float32, differentiable.
  static at::Tensor log_ratios(const RowLogprobs& found, const PairSet& set, int branch) {
    return found.sums.select(1, branch) -
           reference_of(set, found.pairs, static_cast<std::size_t>(branch));
  }

  // The row's share of the mean loss over `pairs`: a scalar, differentiable.
  at::Tensor row_loss(const lm::Model& model, const lm::Packed& row, const PairSet& set,
                      double pairs, KtoTally& tally) const {
    const RowLogprobs found = row_logprobs(model, only_branch(row, lm::kAnswer));
    std::vector<bool> good;
    for (const std::size_t pair : found.pairs) good.push_back(set.good[pair]);
    const at::Tensor h = log_ratios(found, set, lm::kAnswer);
    const at::Tensor loss = lm::kto_loss(h, good, tally.kl, options_).sum() / pairs;

    tally.loss += loss.item<double>();
    const at::Tensor ratios = h.detach().contiguous();
    const at::Tensor sums = found.sums.detach().contiguous();
    for (std::size_t p = 0; p < good.size(); ++p) {
      const int kind = good[p] ? lm::kChosen : lm::kRejected;
      const std::size_t answer = 2 * p + lm::kAnswer;
      tally.answers[kind] += 1;
      tally.tokens[kind] += found.tokens[answer];
      tally.rewards[kind] += options_.beta * ratios.const_data_ptr<float>()[p];
      tally.logps[kind] += sums.const_data_ptr<float>()[answer];
      tally.logits[kind] += found.logit_sums[answer];
    }
    tally.entropy += found.entropy_sum;
    return loss;
  }

  const lm::KtoOptions& options_;
};

// One label alone; or more of one than weights that were left as they are make up for.
void warn_of_labels(Context& context, const std::vector<bool>& labels, const lm::KtoOptions& kto) {
  const auto good = std::count(labels.begin(), labels.end(), true);
  const auto bad = std::ssize(labels) - good;
  if (good == 0 || bad == 0)
    return context.warning(
        "all " + std::to_string(labels.size()) + " train rows are labelled " +
        (bad == 0 ? "good (\"label\": true), none bad: KTO can only make such answers likelier, as "
                    "sft on them would"
                  : "bad (\"label\": false), none good: KTO can only make such answers unlikelier, "
                    "and nothing says what to answer instead"));
  if (kto.desirable_weight != 1 || kto.undesirable_weight != 1) return;
  const double balance = static_cast<double>(good) / static_cast<double>(bad);
  if (balance >= 1 && balance <= kMostBalance) return;
  const bool few_good = balance < 1;
  const double least = few_good ? 1 / balance : balance / kMostBalance;
  const auto rounded = [](double weight) { return json_number(std::round(10 * weight) / 10); };
  context.warning("train rows: " + std::to_string(good) + " good, " + std::to_string(bad) +
                  " bad. KTO works best where all good ones weigh 1 to 4/3 times all bad ones: " +
                  (few_good ? "desirable_weight" : "undesirable_weight") + " from " +
                  rounded(least) + " to " + rounded(least * kMostBalance));
}

}  // namespace

void TrainKto::describe(Description& d) {
  d.summary("aligns a model with single answers that are good or bad: KTO");
  describe_ports(d, "feedback", "dpo.kto_logprobs");
  d.real("beta", kto_.beta).range(1e-4, 100).help("strength of the tie to the reference");
  d.real("desirable_weight", kto_.desirable_weight)
      .range(0, 1e6)
      .help("of good answers in the loss; above 1 where they are few");
  d.real("undesirable_weight", kto_.undesirable_weight)
      .range(0, 1e6)
      .help("of bad answers in the loss; above 1 where they are few");
  dpo::describe(d, options_);
}

void TrainKto::check() {
  Mistakes mistakes;
  mistakes.of([&] { lm::check(options_.training); });
  mistakes.of([&] { lm::check_no_dropout(options_.training.lora); });
  if (kto_.desirable_weight == 0 && kto_.undesirable_weight == 0)
    mistakes.add(
        "desirable_weight: it and undesirable_weight are both 0, so there is nothing to learn");
  mistakes.report();
}

void TrainKto::estimate(const std::vector<Input>& inputs, Estimate& out) {
  estimate_pair_training(options_, inputs, out);
}

void TrainKto::run(Context& context) {
  const auto read = [&](auto&&... what) {
    PairRows rows = read_feedback_rows(what...);
    warn_of_labels(context, rows.train.good, kto_);
    return rows;
  };
  train_on_pairs(context, options_, read, KtoLoss(kto_));
}

}  // namespace lehr::plugins::dpo
