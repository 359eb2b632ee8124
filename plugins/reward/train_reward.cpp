// P pairs of one row. A row holds, for each pair, the prompt once and both answers.
#include "train_reward.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include "head_tally.h"
#include "lm/counted.h"
#include "lm/devices.h"
#include "lm/model.h"
#include "lm/model_folder.h"
#include "lm/optimizer.h"
#include "lm/preference_feed.h"
#include "lm/preference_loss.h"
#include "lm/reward_scores.h"
#include "lm/runtime.h"
#include "lm/sequence_feed.h"
#include "lm/training_estimate.h"
#include "pair_tally.h"
#include "resampling.h"
#include "text/json_lines.h"
#include "text/tokenizer.h"

namespace lehr::plugins::reward {

namespace {

// Scores of a row's pairs, into the tally, and their margins, [P].
struct ScoredRow {
  lm::BranchScores found;
  at::Tensor margins;
};
ScoredRow scored_row(const lm::Model& model, const lm::Packed& row,
                     const lm::PreferencePairs& pairs, PairTally& tally) {
  ScoredRow out{lm::branch_scores(model, row), {}};
  const lm::BranchScores& found = out.found;
  std::vector<float> margins;
  const at::Tensor values = found.scores.detach().contiguous();
  const float* value = values.const_data_ptr<float>();
  for (std::size_t p = 0; p < found.owners.size() / 2; ++p) {
    const auto pair = static_cast<std::size_t>(found.owners[2 * p].sequence);
    margins.push_back(pairs.margins[pair]);
    tally.add({value[2 * p], value[2 * p + 1], static_cast<std::int32_t>(found.tokens[2 * p]),
               static_cast<std::int32_t>(found.tokens[2 * p + 1]), *pairs.sources[pair]});
  }
  out.margins = at::tensor(margins);
  return out;
}

// Of each pair by such scores, [P], differentiable.
at::Tensor pair_losses(const ScoredRow& row, const at::Tensor& scores, double centering) {
  const at::Tensor sides = scores.view({-1, 2});  // branches come as chosen, rejected
  return lm::bradley_terry_loss(sides.select(1, 0), sides.select(1, 1), row.margins, centering);
}

// The mean over heads, each of which counts a pair as often as it drew it; one head: once.
at::Tensor training_losses(const ScoredRow& row, double centering, std::uint64_t seed) {
  const std::vector<at::Tensor>& heads = row.found.heads;
  if (heads.size() == 1) return pair_losses(row, heads.front(), centering);
  at::Tensor sum;
  for (std::size_t k = 0; k < heads.size(); ++k) {
    std::vector<float> counts;
    for (std::size_t i = 0; i < row.found.owners.size(); i += 2)
      counts.push_back(static_cast<float>(
          times_drawn(seed, static_cast<std::int64_t>(k), row.found.owners[i].sequence)));
    const at::Tensor losses = pair_losses(row, heads[k], centering) * at::tensor(counts);
    sum = k == 0 ? losses : sum + losses;
  }
  return sum / static_cast<double>(heads.size());
}

std::int64_t pairs_of(const std::vector<lm::Packed>& rows) {
  std::int64_t count = 0;
  for (const lm::Packed& row : rows)
    for (const lm::SegmentOwner& owner : row.owners) count += owner.branch < 0 ? 1 : 0;
  return count;
}

lm::Metrics evaluate(const Context& context, const lm::Model& model, const lm::SequenceFeed& feed,
                     const lm::PreferencePairs& pairs, double centering) {
  const at::NoGradGuard no_gradients;
  PairTally tally;
  tally.reserve(feed.sequences());
  HeadTally heads(model.config().score_heads);
  double loss = 0;
  feed.for_each_row([&](const lm::Packed& packed) {
    if (context.cancelled()) throw Cancelled();
    const ScoredRow row = scored_row(model, packed, pairs, tally);
    if (row.found.heads.size() > 1) heads.add(row.found);
    loss += pair_losses(row, row.found.scores, centering).sum().item<double>();
  });
  lm::Metrics metrics = {{"loss", loss / static_cast<double>(tally.size())}};
  for (const auto& part : {tally.metrics(), tally.analysis()})
    metrics.insert(metrics.end(), part.begin(), part.end());
  if (model.config().score_heads > 1) metrics.emplace_back("disagreement", heads.disagreement());
  return metrics;
}

struct Scales {
  lm::RewardScale mean;                // of the scores
  std::vector<lm::RewardScale> heads;  // of each head's
};
Scales scales_of_chosen(const Context& context, const lm::Model& model,
                        const lm::SequenceFeed& feed) {
  const at::NoGradGuard no_gradients;
  std::vector<double> scores;
  HeadTally heads(model.config().score_heads);
  feed.for_each_row([&](const lm::Packed& row) {
    if (context.cancelled()) throw Cancelled();
    const lm::BranchScores found = lm::branch_scores(model, row);
    for (std::size_t i = 0; i < found.owners.size(); ++i)
      if (found.owners[i].branch == lm::kChosen)
        scores.push_back(found.scores[static_cast<std::int64_t>(i)].item<double>());
    heads.add(found);
  });
  return {lm::scale_of(scores), heads.scales()};
}

}  // namespace

lm::TrainOptions reward_defaults() {
  lm::TrainOptions options;
  options.schedule.learning_rate = 2e-4;
  options.optimizer.beta2 = 0.999;
  options.optimizer.weight_decay = 0;
  return options;
}

void TrainReward::describe(Description& d) {
  d.summary("trains a model that scores answers from preferences between them (Bradley-Terry)");
  d.determinism(Determinism::machine).uses_seed().devices(lm::devices());
  d.input("model", "model").facet("tokenizer", "T").help("its trunk is where training starts");
  d.input("preferences", "preferences");
  d.output("reward_model", "reward_model").facet("tokenizer", "T");
  d.real("centering", centering_)
      .range(0, 100)
      .help("weight of (r_chosen + r_rejected)^2, which keeps scores around 0");
  d.count("max_length", max_length_)
      .at_least(2)
      .unit("tokens")
      .help("longer pairs are dropped and counted; null: the model's context");
  d.count("ensemble", ensemble_)
      .range(1, 64)
      .help(
          "heads on the trunk, each trained on a resample of the pairs; the score is their mean, "
          "and eval/disagreement how far they lie apart");
  lm::describe(d, training_);
  lm::describe(d, training_.lora);
}

void TrainReward::check() { lm::check(training_); }

void TrainReward::estimate(const std::vector<Input>& inputs, Estimate& out) {
  auto config = lm::known_config(inputs, "model");
  if (!config)
    return lm::estimate_work(training_, {.tokens_per_step = training_.batch_tokens}, 1, 0, false,
                             out);
  config->head = lm::HeadKind::kScore;
  config->score_heads = ensemble_;
  out.outputs["reward_model"] = lm::model_facts(*config, lm::known_tokenizer(inputs, "model"));
  const std::int64_t context_length = config->max_position_embeddings;
  const std::int64_t max_length = std::min(context_length, max_length_.value_or(context_length));
  lm::estimate_on_pairs(training_, *config, inputs, max_length, lm::OverLong::kDrop, out);
}

void TrainReward::run(Context& context) {
  lm::start_runtime(context);
  const lm::Precision precision = lm::parse_precision(training_.precision);
  const Input start = context.input("model");
  const auto tokenizer = text::Tokenizer::load(start.path);
  lm::Model model =
      lm::Model::load(start.path, precision).with_score_head(context.seed(), ensemble_);
  const std::int64_t max_length = lm::longest_example(context, max_length_, model.config());

  const std::filesystem::path preferences = context.input("preferences").path;
  const std::filesystem::path out = context.output("reward_model");
  const auto read = [&](const char* split, lm::SequenceFile into) {
    lm::PreferencePairs pairs =
        lm::read_preferences(text::data_files(preferences, split), tokenizer, max_length,
                             lm::OverLong::kDrop, std::move(into));
    if (pairs.dropped > 0)
      context.warning(std::to_string(pairs.dropped) + " of " + std::to_string(pairs.read) + " " +
                      split + " pairs are longer than " + std::to_string(max_length) +
                      " tokens and were dropped");
    return pairs;
  };
  lm::PreferencePairs train = read("train", lm::SequenceFile(out)),
                      held_out = read("eval", lm::SequenceFile(out, training_.eval_tokens));
  if (train.size() == 0)
    throw Error("the input 'preferences' holds no pair to train on" +
                (train.dropped > 0 ? ": all " + std::to_string(train.read) + " are longer than " +
                                         std::to_string(max_length) + " tokens"
                                   : std::string()));
  context.result("pairs", static_cast<double>(train.size()));
  context.result("dropped_pairs", static_cast<double>(train.dropped + held_out.dropped));

  const lm::SequenceFeedOptions rows =
      lm::pair_packing(training_.row_tokens(), training_.batch_tokens, context.seed());
  lm::SequenceFeed feed(std::move(train.sequences), rows);
  std::optional<lm::SequenceFeed> evaluation;
  if (held_out.size() > 0) evaluation.emplace(std::move(held_out.sequences), rows);
  const std::int64_t steps =
      lm::steps_of(training_.budget, lm::workload(model.config(), feed, training_.batch_tokens));
  context.info(lm::counted(static_cast<std::int64_t>(train.size()), "pair") + ", " +
               std::to_string(feed.tokens_per_epoch()) + " tokens an epoch; " +
               lm::steps_text(training_.budget, steps) + ", " + lm::numerics_fingerprint());

  lm::make_trainable(model, training_, context.seed());
  lm::Optimizer optimizer(model, training_.optimizer);
  lm::TrainingLoop loop(context, training_, steps);
  loop.keep("model", model, &optimizer);
  if (evaluation)
    loop.evaluate_with([&] { return evaluate(context, model, *evaluation, held_out, centering_); });

  for (loop.resume(); loop.next();) {
    const std::vector<lm::Packed> batch = feed.step(loop.step());
    const auto pairs = static_cast<double>(pairs_of(batch));
    PairTally tally;
    const lm::Update update = loop.update(model, optimizer, [&] {
      tally = {};
      double loss = 0;
      for (const lm::Packed& row : batch) {
        const at::Tensor mean =
            training_losses(scored_row(model, row, train, tally), centering_, context.seed())
                .sum() /
            pairs;
        model.backward(mean);
        loss += mean.item<double>();
      }
      return loss;
    });
    lm::Metrics metrics = {{"loss", update.loss}};
    for (const auto& metric : tally.metrics()) metrics.push_back(metric);
    metrics.emplace_back("grad_norm", update.grad_norm);
    metrics.emplace_back("learning_rate", update.learning_rate);
    std::int64_t tokens = 0;
    for (const lm::Packed& row : batch) tokens += row.batch.size();
    metrics.emplace_back("num_tokens", static_cast<double>(loop.tokens() + tokens));
    loop.log(metrics, tokens);
  }
  loop.finish();

  lm::save_model_folder(out, model, tokenizer);
  const Scales scales = scales_of_chosen(context, model, feed);
  const lm::ParameterBuffer& trained = model.trained();
  if (ensemble_ > 1)
    lm::write_reward_heads(
        out,
        {lm::ParameterBuffer::view(trained.host_weights(), *trained.find("score.weight")),
         scales.heads},
        scales.mean);
  else
    lm::write_reward_scale(out, scales.mean);
  context.result("chosen_reward_mean", scales.mean.mean);
  context.result("chosen_reward_std", scales.mean.deviation);
}

}  // namespace lehr::plugins::reward
