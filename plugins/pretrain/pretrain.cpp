// N targets of one update, V vocabulary.
#include "pretrain.h"

#include <ATen/core/grad_mode.h>
#include <lehr/mistakes.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "language_tally.h"
#include "lm/devices.h"
#include "lm/model.h"
#include "lm/model_folder.h"
#include "lm/operators.h"
#include "lm/optimizer.h"
#include "lm/runtime.h"
#include "lm/token_feed.h"
#include "lm/training_estimate.h"
#include "text/document_weights.h"
#include "text/token_shards.h"
#include "text/tokenizer.h"

namespace lehr::plugins::pretrain {

namespace {

// Adds the gradient of the mean NLL over all targets of the step, by their weights; returns that
// mean.
double accumulate_gradients(const lm::Model& model, const std::vector<lm::PackedBatch>& rows,
                            LanguageTally& tally) {
  double weight = 0;
  for (const lm::PackedBatch& row : rows)
    for (const lm::LossEntry& entry : row.loss_entries) weight += entry.weight;
  for (const lm::PackedBatch& row : rows) {
    std::vector<lm::LossEntry> entries = row.loss_entries;
    if (weight > 0)
      for (lm::LossEntry& entry : entries) entry.weight /= static_cast<float>(weight);
    const at::Tensor hidden = model.forward_hidden(row);
    const lm::CrossEntropy ce = lm::linear_cross_entropy(hidden, model.head(), entries);
    model.backward(ce.loss);
    tally.add(row.loss_entries, ce.nll.data_ptr<float>());
  }
  return tally.loss();
}

lm::ModelConfig with_end_of_text(lm::ModelConfig config, const text::Tokenizer& tokenizer) {
  config.eos_token_id = tokenizer.end_of_text();
  if (const auto pad = tokenizer.pad()) config.pad_token_id = *pad;
  return config;
}

// A segment of `context` tokens has to fit into a row, or its later positions are never trained.
void check_rows(std::int64_t context, std::int64_t row_tokens) {
  if (context <= row_tokens) return;
  const std::string rows = std::to_string(row_tokens), whole = std::to_string(context);
  throw Error("model.context: " + whole + " tokens do not fit into rows of " + rows +
              ", the smaller of micro_batch_tokens and batch_tokens: positions from " + rows +
              " on would never be trained. Set both to at least " + whole +
              ", or the context to at most " + rows);
}

// "37 of them an epoch", or where an update sees more than that, "2.5 epochs each".
std::string epoch_text(std::int64_t targets_per_epoch, std::int64_t tokens_per_step) {
  const double steps =
      static_cast<double>(targets_per_epoch) / static_cast<double>(tokens_per_step);
  const double shown = steps < 1 ? 1 / steps : steps;
  char text[64];
  std::snprintf(text, sizeof text, shown < 10 ? "%.1f %s" : "%.0f %s", shown,
                steps < 1 ? "epochs each" : "of them an epoch");
  return text;
}

// The shards are mapped, and in time every page of them is resident.
double token_bytes(const text::TokensInfo& tokens) {
  const double each = tokens.vocab_size > 65536 ? 4 : 2;
  return each * static_cast<double>(tokens.train.tokens + tokens.eval.tokens);
}

lm::Metrics evaluate(const Context& context, const lm::Model& model, const lm::TokenFeed& held_out,
                     std::optional<std::int64_t> most_tokens,
                     const std::vector<std::uint32_t>& byte_lengths) {
  const at::NoGradGuard no_gradients;
  LanguageTally tally(byte_lengths);
  const std::int64_t most = most_tokens.value_or(std::numeric_limits<std::int64_t>::max());
  held_out.for_each_row(most, [&](const lm::PackedBatch& row) {
    if (context.cancelled()) throw Cancelled();
    const lm::CrossEntropy ce =
        lm::linear_cross_entropy(model.forward_hidden(row), model.head(), row.loss_entries);
    tally.add(row.loss_entries, ce.nll.data_ptr<float>());
  });
  return {{"loss", tally.loss()}, {"bits_per_byte", tally.bits_per_byte()}};
}

}  // namespace

lm::ModelConfig Shape::config(std::int64_t vocab_size) const {
  lm::ModelConfig config;
  config.family = lm::parse_family(family);
  config.hidden_size = width;
  config.intermediate_size = ffn.value_or((width * 8 / 3 + 63) / 64 * 64);
  config.layers = layers;
  config.heads = heads;
  config.kv_heads = kv_heads.value_or(heads);
  config.head_dim = width / heads;
  config.vocab_size = vocab_size;
  config.rope_theta = rope_theta;
  config.tie_word_embeddings = tied;
  config.max_position_embeddings = context;
  return config;
}

lm::TrainOptions pretrain_defaults() {
  lm::TrainOptions options;
  options.schedule.learning_rate = 2e-3;
  options.optimizer.beta2 = 0.95;
  options.optimizer.weight_decay = 0.1;
  options.batch_tokens = 4096;
  return options;
}

void Pretrain::describe(Description& d) {
  d.summary("trains a language model on tokens, from scratch or onward from a given model");
  d.determinism(Determinism::machine).uses_seed().devices(lm::devices());
  d.input("tokens", "tokens").facet("tokenizer", "T");
  d.input("model", "model").optional().facet("tokenizer", "T").help("go on from these weights");
  d.output("model", "model").facet("tokenizer", "T").facet("role", "=base");
  d.group("model", [&](Description& m) {
     m.choice("family", shape_.family, {"llama", "qwen2", "qwen3"})
         .help("qwen2: biases on q, k, v; qwen3: norms on the heads of q and k");
     m.count("width", shape_.width).range(2, 1 << 16).help("of the hidden state");
     m.count("layers", shape_.layers).range(1, 1024);
     m.count("heads", shape_.heads).range(1, 1024).help("must divide width");
     m.count("kv_heads", shape_.kv_heads).range(1, 1024).help("must divide heads; null: heads");
     m.count("ffn", shape_.ffn)
         .range(1, 1 << 18)
         .help("feed-forward width; null: 8/3 of width, in multiples of 64");
     m.count("context", shape_.context).range(2, 1 << 20).unit("tokens");
     m.boolean("tied", shape_.tied).help("the head is the embedding");
     m.real("rope_theta", shape_.rope_theta).range(1, 1e9);
   }).help("shape of a new model; not used where `model` is an input");
  lm::describe(d, training_);
}

void Pretrain::check() {
  Mistakes mistakes;
  mistakes.of([&] { lm::check(training_); });
  const std::int64_t kv_heads = shape_.kv_heads.value_or(shape_.heads);
  if (shape_.width % shape_.heads != 0 || shape_.width / shape_.heads % 2 != 0)
    mistakes.add("model: width " + std::to_string(shape_.width) + " is not an even multiple of " +
                 std::to_string(shape_.heads) + " heads");
  if (shape_.heads % kv_heads != 0)
    mistakes.add("model: kv_heads " + std::to_string(kv_heads) + " does not divide heads " +
                 std::to_string(shape_.heads));
  mistakes.report();
}

void Pretrain::check_inputs(const std::vector<Input>& inputs) {
  if (connected(inputs, "model") == 0) check_rows(shape_.context, training_.row_tokens());
}

void Pretrain::estimate(const std::vector<Input>& inputs, Estimate& out) {
  std::optional<text::TokensInfo> tokens;
  std::optional<std::int64_t> vocab_size;
  for (const Input& in : inputs) {
    if (in.port != "tokens") continue;
    if (!in.path.empty()) {
      tokens = text::read_tokens_json(in.path);
      vocab_size = static_cast<std::int64_t>(tokens->vocab_size);
    } else {
      vocab_size = lm::told_number(in, "vocab_size");
    }
  }
  std::optional<lm::ModelConfig> config = lm::known_config(inputs, "model");
  const bool onward =
      std::any_of(inputs.begin(), inputs.end(), [](const Input& in) { return in.port == "model"; });
  if (!onward && vocab_size) config = shape_.config(*vocab_size);

  lm::Workload workload;
  workload.tokens_per_step = training_.row_tokens() * training_.rows_per_step();
  if (config) {
    out.outputs["model"] =
        lm::model_facts(*config, lm::known_tokenizer(inputs, onward ? "model" : "tokens"));
    workload.parameters = static_cast<double>(config->parameters());
    workload.flops_per_token =
        config->flops_per_token(lm::most_keys(*config, training_.row_tokens()));
    out.parameters = workload.parameters;
    out.memory_bytes = lm::process_bytes(lm::parse_precision(training_.precision)) +
                       lm::trained_bytes(*config, training_) + lm::best_bytes(*config, training_) +
                       lm::step_bytes(*config, training_, training_.row_tokens()) +
                       (tokens ? token_bytes(*tokens) : 0);
    out.disk_bytes = lm::disk_bytes(*config, training_, lm::checkpoint_bytes(*config, training_));
  }
  if (tokens && tokens->train.documents > 0) {
    const auto documents = static_cast<double>(tokens->train.documents);
    const auto targets = static_cast<double>(tokens->train.tokens) - documents;
    workload.steps_in_epochs = [&, targets](double epochs) {
      const double steps = epochs * targets / static_cast<double>(workload.tokens_per_step);
      return static_cast<std::int64_t>(std::max(1.0, std::ceil(steps)));
    };
    const double length = static_cast<double>(tokens->train.tokens) / documents;
    if (config)
      workload.flops_per_token = config->flops_per_token(
          std::min({length, static_cast<double>(config->max_position_embeddings),
                    static_cast<double>(training_.row_tokens())}) /
              2 +
          0.5);
  }
  lm::estimate_work(training_, workload, 1, 0, !tokens, out);
}

void Pretrain::run(Context& context) {
  lm::start_runtime(context);
  const lm::Precision precision = lm::parse_precision(training_.precision);
  const std::filesystem::path tokens = context.input("tokens").path;
  const auto tokenizer = text::Tokenizer::load(tokens);
  const auto vocab_size = static_cast<std::int64_t>(text::read_tokens_json(tokens).vocab_size);
  const text::TokenShards train(tokens, "train"), held_out(tokens, "eval");

  lm::Model model = context.has_input("model")
                        ? lm::Model::load(context.input("model").path, precision)
                        : lm::Model::create(with_end_of_text(shape_.config(vocab_size), tokenizer),
                                            context.seed(), precision);
  if (model.config().vocab_size < vocab_size)
    throw Error("the tokens were made with a vocabulary of " + std::to_string(vocab_size) +
                ", the model has " + std::to_string(model.config().vocab_size));
  const std::int64_t reached =
      std::min(model.config().max_position_embeddings, lm::longest_document(train));
  if (context.has_input("model") && reached > training_.row_tokens())
    context.warning("the model and the longest document reach " + std::to_string(reached) +
                    " tokens, rows hold " + std::to_string(training_.row_tokens()) +
                    ": later positions are not trained. Where they should be, set "
                    "micro_batch_tokens and batch_tokens to at least " +
                    std::to_string(reached));
  lm::make_trainable(model, training_, context.seed());
  lm::Optimizer optimizer(model, training_.optimizer);

  const lm::TokenFeedOptions rows{training_.row_tokens(), training_.rows_per_step(),
                                  model.config().max_position_embeddings, context.seed()};
  lm::TokenFeedOptions weighted = rows;
  weighted.weights = text::read_document_weights(tokens, "train", train.documents());
  if (!weighted.weights.empty() &&
      std::all_of(weighted.weights.begin(), weighted.weights.end(), [](float w) { return w == 0; }))
    throw Error("the weights of all documents are 0, so there is nothing to learn");
  lm::TokenFeed feed(train, weighted);
  std::optional<lm::TokenFeed> evaluation;
  if (held_out.documents() > 0) evaluation.emplace(held_out, rows);
  const auto parameters = static_cast<double>(model.config().parameters());
  const std::int64_t steps = lm::steps_of(
      training_.budget, {feed.tokens_per_step(), parameters,
                         model.config().flops_per_token(lm::mean_keys(feed.step(0).front())),
                         [&](double epochs) { return feed.steps_in_epochs(epochs); }});

  char millions[32];
  std::snprintf(millions, sizeof millions, "%.2fM", parameters / 1e6);
  context.info(std::string(millions) + " parameters, " + lm::steps_text(training_.budget, steps) +
               " of " + std::to_string(feed.tokens_per_step()) + " tokens, " +
               epoch_text(feed.targets_per_epoch(), feed.tokens_per_step()) + ", " +
               lm::numerics_fingerprint());

  lm::TrainingLoop loop(context, training_, steps);
  loop.keep("model", model, &optimizer);
  if (evaluation)
    loop.evaluate_with([&] {
      return evaluate(context, model, *evaluation, training_.eval_tokens, tokenizer.byte_lengths());
    });
  const double peak_flops = steps != 0 ? lm::measure_peak_flops(precision) : 0;

  for (loop.resume(); loop.next();) {
    const std::vector<lm::PackedBatch> batch = feed.step(loop.step());
    double bits_per_byte = 0;
    const lm::Update update = loop.update(model, optimizer, [&] {
      LanguageTally tally(tokenizer.byte_lengths());
      const double loss = accumulate_gradients(model, batch, tally);
      bits_per_byte = tally.bits_per_byte();
      return loss;
    });
    double flops = 0;
    for (const lm::PackedBatch& row : batch)
      flops += static_cast<double>(row.size()) * model.config().flops_per_token(lm::mean_keys(row));
    const double seconds = loop.step_seconds();
    loop.log({{"train/loss", update.loss},
              {"train/bits_per_byte", bits_per_byte},
              {"train/learning_rate", update.learning_rate},
              {"train/grad_norm", update.grad_norm},
              {"train/tokens_per_second", static_cast<double>(feed.tokens_per_step()) / seconds},
              {"train/mfu", flops / seconds / peak_flops}},
             feed.tokens_per_step());
  }
  loop.finish();
  lm::save_model_folder(context.output("model"), model, tokenizer);
}

}  // namespace lehr::plugins::pretrain
