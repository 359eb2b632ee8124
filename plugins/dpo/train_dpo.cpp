// P pairs of one row. A row holds, for each pair, the prompt once and both answers.
#include "train_dpo.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lm/devices.h"
#include "lm/model.h"
#include "lm/model_folder.h"
#include "lm/optimizer.h"
#include "lm/preference_feed.h"
#include "lm/runtime.h"
#include "lm/sequence_feed.h"
#include "lm/training_estimate.h"
#include "pair_logprobs.h"
#include "pair_rows.h"
#include "reference_pass.h"
#include "stored_logprobs.h"
#include "text/tokenizer.h"

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

// The row's share of the mean loss over all pairs of `counts`: a scalar, differentiable.
at::Tensor row_loss(const lm::Model& model, const lm::Packed& row,
                    const ReferenceLogprobs& reference, const lm::PreferenceOptions& options,
                    double nll_weight, const Counts& counts, Tally& tally) {
  const RowLogprobs found = row_logprobs(model, row);
  const at::Tensor tokens = at::tensor(found.tokens).view({-1, 2});
  lm::PairLogprobs pairs;
  pairs.chosen = found.sums.select(1, lm::kChosen);
  pairs.rejected = found.sums.select(1, lm::kRejected);
  pairs.chosen_tokens = tokens.select(1, lm::kChosen);
  pairs.rejected_tokens = tokens.select(1, lm::kRejected);
  if (lm::needs_reference(options.loss)) {
    std::vector<float> chosen, rejected;
    for (const std::size_t pair : found.pairs) {
      chosen.push_back(reference.chosen[pair]);
      rejected.push_back(reference.rejected[pair]);
    }
    pairs.reference_chosen = at::tensor(chosen);
    pairs.reference_rejected = at::tensor(rejected);
  }
  const lm::PreferenceTerms terms = lm::preference_loss(pairs, options);
  at::Tensor loss = terms.losses.sum() / counts.pairs;
  if (nll_weight > 0) loss = loss - pairs.chosen.sum() * (nll_weight / counts.tokens[0]);

  tally.loss += loss.item<double>();
  tally.rewards[0] += terms.chosen_rewards.sum().item<double>();
  tally.rewards[1] += terms.rejected_rewards.sum().item<double>();
  tally.right += (terms.chosen_rewards > terms.rejected_rewards).sum().item<double>();
  for (const int side : {lm::kChosen, lm::kRejected}) {
    tally.logps[side] += found.sums.select(1, side).sum().item<double>();
    tally.logits[side] += found.logit_sums[side];
  }
  tally.entropy += found.entropy_sum;
  return loss;
}

}  // namespace

lm::TrainOptions dpo_defaults() {
  lm::TrainOptions options;
  options.schedule.learning_rate = 5e-5;
  options.optimizer.beta2 = 0.999;
  options.optimizer.weight_decay = 0;
  return options;
}

void TrainDpo::describe(Description& d) {
  d.summary("aligns a model with preferences directly: DPO, cDPO, robust, hinge, IPO, ORPO, SimPO");
  d.determinism(Determinism::machine).uses_seed().devices(lm::devices());
  d.input("model", "model").facet("tokenizer", "T").help("the policy training starts from");
  d.input("preferences", "preferences").self("D");
  d.input("reference", "model")
      .optional("model")
      .self("R")
      .facet("tokenizer", "T")
      .help("default: the same model");
  d.input("logprobs", "logprobs")
      .optional()
      .facet("model", "R")
      .facet("data", "D")
      .help("the reference's, made by dpo.logprobs; default: they are computed first");
  d.output("model", "model").facet("tokenizer", "T").facet("role", "=aligned");
  d.choice("loss", loss_, {"sigmoid", "robust", "hinge", "ipo", "orpo", "simpo"});
  d.real("beta", preference_.beta).range(1e-4, 100).help("strength of the tie to the reference");
  d.real("label_smoothing", preference_.label_smoothing)
      .range(0, 0.499)
      .help("share of pairs believed to be the wrong way round; with sigmoid this is cDPO");
  d.real("margin", preference_.margin).range(0, 100).help("gamma of simpo");
  d.real("nll_weight", nll_weight_)
      .range(0, 100)
      .help("adds so much of the mean NLL of the chosen answers' tokens");
  d.count("max_length", max_length_)
      .at_least(2)
      .unit("tokens")
      .help("longer pairs are cut at the end and counted; null: the model's context");
  lm::describe(d, training_);
  lm::describe(d, training_.lora);
}

void TrainDpo::check() {
  lm::check(training_);
  if (preference_.label_smoothing > 0 && loss_ != "sigmoid" && loss_ != "robust")
    throw Error("label_smoothing belongs to loss 'sigmoid' or 'robust', not '" + loss_ + "'");
  if (preference_.margin != lm::PreferenceOptions().margin && loss_ != "simpo")
    throw Error("margin belongs to loss 'simpo', not '" + loss_ +
                "'; the margins of pairs are read by reward models alone");
}

void TrainDpo::estimate(const std::vector<Input>& inputs, Estimate& out) {
  const auto config = lm::known_config(inputs, "model");
  if (!config)
    return lm::estimate_work(training_, {.tokens_per_step = training_.batch_tokens}, 1, 0, false,
                             out);
  out.outputs["model"] = lm::model_facts(*config, lm::known_tokenizer(inputs, "model"));
  const std::int64_t context_length = config->max_position_embeddings;
  const std::int64_t max_length = std::min(context_length, max_length_.value_or(context_length));
  lm::estimate_on_pairs(training_, *config, inputs, max_length, lm::OverLong::kCut, out);
  const auto connected = [&](const char* port) {
    return std::any_of(inputs.begin(), inputs.end(),
                       [&](const Input& in) { return in.port == port; });
  };
  if (connected("reference") && !connected("logprobs"))
    *out.memory_bytes += lm::frozen_bytes(*config, lm::parse_precision(training_.precision));
}

void TrainDpo::run(Context& context) {
  lm::start_runtime(context);
  const lm::Precision precision = lm::parse_precision(training_.precision);
  preference_.loss = lm::parse_preference_loss(loss_);
  const Input start = context.input("model");
  const auto tokenizer = text::Tokenizer::load(start.path);
  lm::Model model = lm::Model::load(start.path, precision);
  const std::filesystem::path out = context.output("model");
  PairRows rows = read_pair_rows(context, tokenizer, model.config(), max_length_, training_, out);
  lm::SequenceFeed& feed = rows.train;
  const lm::SequenceFeed* evaluation = rows.held_out ? &*rows.held_out : nullptr;
  context.result("pairs", static_cast<double>(rows.train_pairs()));
  const std::int64_t steps =
      lm::steps_of(training_.budget, lm::workload(model.config(), feed, training_.batch_tokens));

  ReferenceLogprobs train_reference, held_out_reference;
  bool have_reference = !lm::needs_reference(preference_.loss);
  bool same_products = true;  // of the reference as of the policy
  if (!have_reference && context.has_input("logprobs")) {
    same_products = read_logprobs(context, pass_facts(rows, training_, context.seed()), rows,
                                  train_reference, held_out_reference);
    have_reference = true;
  }
  lm::make_trainable(model, training_, context.seed());
  lm::Optimizer optimizer(model, training_.optimizer);
  lm::TrainingLoop loop(context, training_, steps);
  loop.keep("model", model, &optimizer);
  if (!have_reference)
    loop.keep_files(
        [&](const std::filesystem::path& dir) {
          save_reference(dir / "reference.safetensors", train_reference, held_out_reference);
        },
        [&](const std::filesystem::path& dir) {
          load_reference(dir / "reference.safetensors", rows.train_pairs(), rows.held_out_pairs(),
                         train_reference, held_out_reference);
          have_reference = true;
        });
  Counts held_out_counts;
  if (evaluation) {
    evaluation->for_each_row([&](const lm::Packed& row) { add(row, held_out_counts); });
    loop.evaluate_with([&] {
      const at::NoGradGuard no_gradients;
      Tally tally;
      evaluation->for_each_row([&](const lm::Packed& row) {
        if (context.cancelled()) throw Cancelled();
        row_loss(model, row, held_out_reference, preference_, nll_weight_, held_out_counts, tally);
      });
      return tally.metrics(held_out_counts);
    });
  }

  loop.resume();
  if (!have_reference) {
    std::optional<lm::Model> other;
    if (context.has_input("reference"))
      other = lm::Model::load(context.input("reference").path, precision);
    const lm::Model& reference = other ? *other : model;
    train_reference = ReferenceLogprobs(rows.train_pairs());
    held_out_reference = ReferenceLogprobs(rows.held_out_pairs());
    compute_reference(context, training_, reference, steps != 0 ? &feed : nullptr, evaluation,
                      train_reference, held_out_reference);
  }
  // d = 0 for every pair of the first step, whatever the smoothing.
  const bool starts_at_ln_two = (preference_.loss == lm::PreferenceLoss::kSigmoid ||
                                 preference_.loss == lm::PreferenceLoss::kRobust) &&
                                nll_weight_ == 0 && !context.has_input("reference") &&
                                same_products;

  while (loop.next()) {
    const std::vector<lm::Packed> batch = feed.step(loop.step());
    Counts counts;
    for (const lm::Packed& row : batch) add(row, counts);
    Tally tally;
    const lm::Update update = loop.update(model, optimizer, [&] {
      tally = {};
      for (const lm::Packed& row : batch)
        model.backward(
            row_loss(model, row, train_reference, preference_, nll_weight_, counts, tally));
      return tally.loss;
    });
    if (loop.step() == 0 && starts_at_ln_two && !(std::abs(tally.loss - std::numbers::ln2) <= 1e-6))
      throw Error("the first loss is " + json_number(tally.loss) +
                  ", not ln 2, though the reference is the starting policy: two passes over the "
                  "same rows disagree");
    lm::Metrics metrics = tally.metrics(counts);
    metrics.emplace_back("grad_norm", update.grad_norm);
    metrics.emplace_back("learning_rate", update.learning_rate);
    std::int64_t tokens = 0;
    for (const lm::Packed& row : batch) tokens += row.batch.size();
    metrics.emplace_back("num_tokens", static_cast<double>(loop.tokens() + tokens));
    loop.log(metrics, tokens);
  }
  loop.finish();
  lm::save_model_folder(out, model, tokenizer);
}

}  // namespace lehr::plugins::dpo
