#include "pair_training.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "lm/counted.h"
#include "lm/devices.h"
#include "lm/model_folder.h"
#include "lm/optimizer.h"
#include "lm/runtime.h"
#include "lm/training_estimate.h"
#include "pair_logprobs.h"
#include "stored_logprobs.h"
#include "text/tokenizer.h"

namespace lehr::plugins::dpo {

PairTrainingOptions::PairTrainingOptions() {
  training.schedule.learning_rate = 5e-5;
  training.optimizer.beta2 = 0.999;
  training.optimizer.weight_decay = 0;
}

void describe_ports(Description& d, const char* rows, const char* pass) {
  d.determinism(Determinism::machine).uses_seed().devices(lm::devices());
  d.input("model", "model").facet("tokenizer", "T").help("the policy training starts from");
  d.input(rows, rows).self("D");
  d.input("reference", "model")
      .optional("model")
      .self("R")
      .facet("tokenizer", "T")
      .help("default: the same model");
  d.input("logprobs", "logprobs")
      .optional()
      .facet("model", "R")
      .facet("data", "D")
      .help(std::string("the reference's, made by ") + pass + "; default: they are computed first");
  d.output("model", "model").facet("tokenizer", "T").facet("role", "=aligned");
}

void describe(Description& d, PairTrainingOptions& options) {
  d.count("max_length", options.max_length)
      .at_least(2)
      .unit("tokens")
      .help("longer pairs are cut at the end and counted; null: the model's context");
  lm::describe(d, options.training);
  lm::describe(d, options.training.lora);
}

void estimate_pair_training(const PairTrainingOptions& options, const std::vector<Input>& inputs,
                            Estimate& out) {
  const lm::TrainOptions& training = options.training;
  const auto config = lm::known_config(inputs, "model");
  if (!config)
    return lm::estimate_work(training, {.tokens_per_step = training.batch_tokens}, 1, 0, false,
                             out);
  out.outputs["model"] = lm::model_facts(*config, lm::known_tokenizer(inputs, "model"));
  const std::int64_t context_length = config->max_position_embeddings;
  const std::int64_t max_length =
      std::min(context_length, options.max_length.value_or(context_length));
  lm::estimate_on_pairs(training, *config, inputs, max_length, lm::OverLong::kCut, out);
  if (connected(inputs, "reference") > 0 && connected(inputs, "logprobs") == 0)
    *out.memory_bytes += lm::frozen_bytes(*config, lm::parse_precision(training.precision));
}

void train_on_pairs(Context& context, const PairTrainingOptions& options, const ReadRows& read,
                    const PairLoss& loss) {
  lm::start_runtime(context);
  const lm::TrainOptions& training = options.training;
  const lm::Precision precision = lm::parse_precision(training.precision);
  const Input start = context.input("model");
  const auto tokenizer = text::Tokenizer::load(start.path);
  lm::Model model = lm::Model::load(start.path, precision);
  const std::filesystem::path out = context.output("model");
  PairRows rows = read(context, tokenizer, model.config(), options.max_length, training, out);
  lm::SequenceFeed& feed = rows.train.feed;
  context.result("pairs", static_cast<double>(rows.train.pairs()));
  const std::int64_t steps =
      lm::steps_of(training.budget, lm::workload(model.config(), feed, training.batch_tokens));

  const auto number = static_cast<std::int64_t>(rows.train.pairs());
  context.info((rows.train.good.empty()
                    ? lm::counted(number, "pair")
                    : lm::counted(number, "answer") + ", each with a mismatched one") +
               ", " + std::to_string(feed.tokens_per_epoch()) + " tokens an epoch, of them " +
               std::to_string(feed.loss_tokens_per_epoch()) + " in answers; " +
               lm::steps_text(training.budget, steps) + ", " + lm::numerics_fingerprint());

  bool have_reference = !loss.needs_reference();
  bool same_products = true;  // of the reference as of the policy
  if (!have_reference && context.has_input("logprobs")) {
    same_products = read_logprobs(context, pass_facts(rows, training, context.seed()), rows);
    have_reference = true;
  }
  lm::make_trainable(model, training, context.seed());
  lm::Optimizer optimizer(model, training.optimizer);
  lm::TrainingLoop loop(context, training, steps);
  loop.keep("model", model, &optimizer);
  if (!have_reference)
    loop.keep_files(
        [&](const std::filesystem::path& dir) {
          save_reference(dir / "reference.safetensors", rows);
        },
        [&](const std::filesystem::path& dir) {
          load_reference(dir / "reference.safetensors", rows);
          have_reference = true;
        });
  if (rows.held_out)
    loop.evaluate_with([&] {
      const at::NoGradGuard no_gradients;
      const EachRow each = [&](const auto& take) {
        rows.held_out->feed.for_each_row([&](const lm::Packed& row) {
          if (context.cancelled()) throw Cancelled();
          take(row);
        });
      };
      return loss.measure(model, each, *rows.held_out, false);
    });

  loop.resume();
  if (!have_reference) {
    std::optional<lm::Model> other;
    if (context.has_input("reference"))
      other = lm::Model::load(context.input("reference").path, precision);
    compute_reference(context, training, other ? *other : model, loss.score(), steps != 0, rows);
  }
  const bool starts_at_reference = !context.has_input("reference") && same_products;

  while (loop.next()) {
    const std::vector<lm::Packed> batch = feed.step(loop.step());
    const EachRow each = [&](const auto& take) {
      for (const lm::Packed& row : batch) take(row);
    };
    lm::Metrics metrics;
    const lm::Update update = loop.update(model, optimizer, [&] {
      metrics = loss.measure(model, each, rows.train, true);
      return metrics.front().second;
    });
    if (loop.step() == 0 && starts_at_reference) {
      const auto expected = loss.loss_at_reference(batch, rows.train);
      const double found = metrics.front().second;
      if (expected && !(std::abs(found - *expected) <= 1e-6))
        throw Error("the first loss is " + json_number(found) + ", not " + json_number(*expected) +
                    ", though the reference is the starting policy: two passes over the same rows "
                    "disagree");
    }
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
