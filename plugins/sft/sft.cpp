#include "sft.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "answer_loss.h"
#include "lm/chat_feed.h"
#include "lm/counted.h"
#include "lm/devices.h"
#include "lm/model_folder.h"
#include "lm/runtime.h"
#include "lm/sequence_feed.h"
#include "lm/training_estimate.h"
#include "text/json_lines.h"

namespace lehr::plugins::sft {

namespace {

lm::Metrics evaluate(const Context& context, const lm::Model& model,
                     const lm::SequenceFeed& held_out) {
  const at::NoGradGuard no_gradients;
  AnswerTally tally;
  held_out.for_each_row([&](const lm::Packed& row) {
    if (context.cancelled()) throw Cancelled();
    add_answer_loss(model, row, 1, tally);
  });
  return {{"loss", tally.loss()},
          {"entropy", tally.mean_entropy()},
          {"mean_token_accuracy", tally.mean_accuracy()},
          {"num_tokens", static_cast<double>(tally.tokens)}};
}

// which: "" of those to train on, "held-out ".
void warn_of_cuts(const Context& context, const char* which, const lm::ChatReport& report,
                  std::int64_t max_length) {
  if (report.cut > 0)
    context.warning(std::to_string(report.cut) + " of " + std::to_string(report.conversations) +
                    " " + which + "conversations were longer than " + std::to_string(max_length) +
                    " tokens and lost " + std::to_string(report.tokens_cut) +
                    " tokens at the end; " + std::to_string(report.dropped) +
                    " of them kept no trained token and were dropped");
}

void warn_of_blanks(const Context& context, const char* which, const lm::ChatReport& report) {
  if (report.blank_answers > 0)
    context.warning(lm::counted(report.blank_answers, "message") + " of the assistant in the " +
                    which + "conversations " + (report.blank_answers == 1 ? "is" : "are") +
                    " empty, the first in " + report.first_blank +
                    ": what is learnt of them is to say nothing. With \"weight\": 0 they are read, "
                    "not learnt");
}

void give_counts(const Context& context, const std::string& prefix, const lm::ChatReport& report) {
  context.result(prefix + "conversations", static_cast<double>(report.conversations));
  context.result(prefix + "conversations_cut", static_cast<double>(report.cut));
  context.result(prefix + "conversations_dropped", static_cast<double>(report.dropped));
  if (report.blank_answers > 0)
    context.result(prefix + "blank_answers", static_cast<double>(report.blank_answers));
}

}  // namespace

lm::TrainOptions sft_defaults() {
  lm::TrainOptions options;
  options.schedule.learning_rate = 1e-3;
  options.optimizer.beta2 = 0.999;
  options.optimizer.weight_decay = 0;
  options.batch_tokens = 1024;
  return options;
}

void Sft::describe(Description& d) {
  d.summary("fine-tunes a language model on what the assistant says in conversations");
  d.determinism(Determinism::machine).uses_seed().devices(lm::devices());
  d.input("model", "model").facet("tokenizer", "T");
  d.input("conversations", "conversations").list();
  d.output("model", "model").facet("tokenizer", "T").facet("role", "=instruct");
  d.count("max_length", max_length_)
      .at_least(2)
      .unit("tokens")
      .help("longer conversations are cut at the end and counted; null: the model's context");
  d.list("weights", weights_, "float")
      .range(0, 1000)
      .help(
          "of the conversation inputs, in their order: 2 gives each twice per epoch, 0.5 a half of"
          " them once; empty: 1 for all");
  d.real("neftune_noise_alpha", training_.neftune_noise_alpha)
      .range(0, 1000)
      .help(
          "noise on the embeddings while training, uniform in +-alpha / sqrt(tokens of the"
          " conversation * width); papers take 5; 0: none");
  lm::describe(d, training_);
  lm::describe(d, training_.lora);
}

void Sft::check() { lm::check(training_); }

void Sft::check_inputs(const std::vector<Input>& inputs) {
  const std::size_t sources = connected(inputs, "conversations");
  if (!weights_.empty() && weights_.size() != sources)
    throw Error("weights: there are " + std::to_string(weights_.size()) + " for " +
                std::to_string(sources) +
                " conversation inputs. Give one for each, or leave them out");
}

void Sft::estimate(const std::vector<Input>& inputs, Estimate& out) {
  check_inputs(inputs);
  const auto config = lm::known_config(inputs, "model");
  if (!config)
    return lm::estimate_work(training_, {.tokens_per_step = training_.batch_tokens}, 3, 0, false,
                             out);
  const auto tokenizer = lm::known_tokenizer(inputs, "model");
  out.outputs["model"] = lm::model_facts(*config, tokenizer);
  const std::int64_t max_length = std::min(max_length_.value_or(config->max_position_embeddings),
                                           config->max_position_embeddings);
  const auto rows = lm::RowsAhead::find(inputs, "conversations");
  if (!tokenizer || !rows)
    return lm::bound_fine_tuning(training_, *config, most_of_epoch(inputs, max_length), 3, out);
  const auto with = text::Tokenizer::load(*tokenizer);
  lm::SequenceFile train(std::filesystem::temp_directory_path());
  lm::ChatReport report;
  for (std::size_t source = 0; source < rows->files().size(); ++source)
    lm::read_conversations(rows->files()[source], with, max_length, weight_of(source, 0), report,
                           train);
  lm::SequenceFeed feed(std::move(train), packing(0));
  lm::estimate_fine_tuning(training_, *config, feed, 3, out, rows->share());
}

lm::EpochSize Sft::most_of_epoch(const std::vector<Input>& inputs, std::int64_t max_length) const {
  lm::EpochSize sum;
  std::size_t source = 0;
  for (const Input& in : inputs) {
    if (in.port != "conversations") continue;
    const auto counts = lm::known_rows<text::Conversation>(in);
    if (!counts) return {};
    const double weight = weights_.empty() ? 1.0 : weights_[source++];
    sum.sequences += weight * counts->rows;
    sum.tokens += weight * counts->most_tokens(max_length);
  }
  return sum;
}

lm::SequenceFeedOptions Sft::packing(std::uint64_t seed) const {
  return {training_.row_tokens(), training_.batch_tokens, seed};
}

lm::SourceWeight Sft::weight_of(std::size_t source, std::uint64_t seed) const {
  return {weights_.empty() ? 1.0 : weights_[source], seed, static_cast<std::int64_t>(source)};
}

void Sft::run(Context& context) {
  lm::start_runtime(context);
  const std::vector<Input> sources = context.inputs("conversations");
  const std::filesystem::path base = context.input("model").path;
  const auto tokenizer = text::Tokenizer::load(base);
  lm::Model model = lm::Model::load(base, lm::parse_precision(training_.precision));
  lm::make_trainable(model, training_, context.seed());
  lm::Optimizer optimizer(model, training_.optimizer);

  // Conversations: rendered, masked, cut, mixed by weight.
  const std::int64_t max_length = lm::longest_example(context, max_length_, model.config());
  const std::filesystem::path out = context.output("model");
  lm::SequenceFile train(out), held_out(out, training_.eval_tokens);
  lm::ChatReport report, held_out_report;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto read = [&](const char* split, const lm::SourceWeight& weight, lm::ChatReport& counts,
                          lm::SequenceFile& into) {
      lm::read_conversations(text::data_files(sources[i].path, split), tokenizer, max_length,
                             weight, counts, into);
    };
    read("train", weight_of(i, context.seed()), report, train);
    read("eval", {1, context.seed(), 0}, held_out_report, held_out);
  }
  warn_of_cuts(context, "", report, max_length);
  warn_of_cuts(context, "held-out ", held_out_report, max_length);
  warn_of_blanks(context, "", report);
  warn_of_blanks(context, "held-out ", held_out_report);
  if (train.size() == 0)
    throw Error("the input 'conversations' holds no conversation to train on" +
                (report.dropped > 0 ? ": of " + std::to_string(report.conversations) + ", " +
                                          std::to_string(report.dropped) + " have no answer in " +
                                          "their first " + std::to_string(max_length) + " tokens"
                                    : std::string()));

  const lm::SequenceFeedOptions packing = this->packing(context.seed());
  lm::SequenceFeed feed(std::move(train), packing);
  std::optional<lm::SequenceFeed> evaluation;
  if (held_out.size() > 0) evaluation.emplace(std::move(held_out), packing);
  const std::int64_t steps =
      lm::steps_of(training_.budget, lm::workload(model.config(), feed, training_.batch_tokens), 3);
  context.info(lm::counted(report.conversations, "conversation") + ", " +
               std::to_string(feed.tokens_per_epoch()) + " tokens an epoch, of them " +
               std::to_string(feed.loss_tokens_per_epoch()) + " trained; " +
               lm::steps_text(training_.budget, steps) + ", " + lm::numerics_fingerprint());

  lm::TrainingLoop loop(context, training_, steps);
  loop.keep("model", model, &optimizer);
  if (evaluation) loop.evaluate_with([&] { return evaluate(context, model, *evaluation); });

  for (loop.resume(); loop.next();) {
    const std::vector<lm::Packed> batch = feed.step(loop.step());
    AnswerTally tally;
    const lm::Update update = loop.update(model, optimizer, [&] {
      tally = answer_loss(model, batch);
      return tally.loss();
    });
    loop.log({{"loss", update.loss},
              {"grad_norm", update.grad_norm},
              {"learning_rate", update.learning_rate},
              {"entropy", tally.mean_entropy()},
              {"mean_token_accuracy", tally.mean_accuracy()},
              {"num_tokens", static_cast<double>(loop.tokens() + tally.tokens)}},
             tally.tokens);
  }
  loop.finish();
  // Behind the losses: of many results the first few are shown.
  give_counts(context, "", report);
  if (held_out_report.conversations > 0) give_counts(context, "eval/", held_out_report);
  lm::save_model_folder(out, model, tokenizer);
}

}  // namespace lehr::plugins::sft
