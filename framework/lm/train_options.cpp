#include "lm/train_options.h"

#include <lehr/mistakes.h>

#include <algorithm>
#include <utility>

namespace lehr::lm {

int64_t TrainOptions::row_tokens() const { return std::min(micro_batch_tokens, batch_tokens); }

int64_t TrainOptions::rows_per_step() const {
  return (batch_tokens + row_tokens() - 1) / row_tokens();
}

namespace {

void describe_batch(Description& d, TrainOptions& options) {
  d.count("batch_tokens", options.batch_tokens)
      .range(16, 1 << 30)
      .unit("tokens")
      .help("of one update, over all its packed rows");
}

void describe_micro_batch(Description& d, TrainOptions& options) {
  d.count("micro_batch_tokens", options.micro_batch_tokens)
      .range(16, 1 << 24)
      .unit("tokens")
      .help("of one packed row: what is in memory at once");
}

void describe_precision(Description& d, TrainOptions& options) {
  d.choice("precision", options.precision, {"auto", "fp32", "bf16"})
      .help("of the products; weights, moments and sums are fp32. auto: bf16 where the CPU has it");
}

void describe_eval_tokens(Description& d, TrainOptions& options) {
  d.count("tokens", options.eval_tokens).at_least(1).help("null: the whole evaluation set");
}

void describe_checkpoints(Description& d, TrainOptions& options) {
  d.duration("checkpoint_every", options.checkpoint_every)
      .at_least(0)
      .no_effect()
      .help("how much work a kill may cost");
  d.count("checkpoint_steps", options.checkpoint_steps)
      .at_least(1)
      .no_effect()
      .help("checkpoint also at multiples of this step");
}

}  // namespace

void describe_training(Description& d, TrainOptions& options) {
  describe(d, options.schedule);
  d.group("optimizer", [&](Description& o) {
     o.choice("kind", options.optimizer.kind, {"adamw", "muon"})
         .help("muon: for the layers' matrices; all else takes AdamW's steps");
     o.real("beta1", options.optimizer.beta1).range(0, 1);
     o.real("beta2", options.optimizer.beta2).range(0, 1);
     o.real("eps", options.optimizer.eps).range(0, 1);
     o.real("weight_decay", options.optimizer.weight_decay).range(0, 10).help("2-D weights only");
     o.real("max_grad_norm", options.optimizer.max_grad_norm)
         .at_least(0)
         .help("clip the global gradient norm; 0: no clipping");
     o.real("momentum", options.optimizer.momentum).range(0, 1).help("muon's");
   }).help("how a gradient becomes an update");
  d.real("spike_deviations", options.spike_deviations)
      .at_least(0)
      .help(
          "a loss so far above the last ones, and more than double, is no update; 0: it is one. Of "
          "the first 32 losses one is none that is three times the first and what guessing gives");
  describe_micro_batch(d, options);
  d.boolean("activation_checkpointing", options.activation_checkpointing)
      .no_effect()
      .help("makes activations again in the backward pass: less memory, a third more work");
  describe_precision(d, options);
  d.group("eval", [&](Description& e) {
     e.count("every", options.eval_every)
         .at_least(0)
         .unit("steps")
         .help(
             "null: ten times over the run, of a budget of time perhaps fewer; 0: only at the end");
     describe_eval_tokens(e, options);
     e.count("patience", options.patience)
         .at_least(0)
         .unit("evaluations")
         .help("training stops after so many in a row without a better one; 0: never");
   }).help("evaluation on the held-out part");
  d.choice("save", options.save, {"last", "best"})
      .help("best: the weights with the best evaluation so far");
  describe_checkpoints(d, options);
  d.count("checkpoint_keep", options.checkpoint_keep)
      .range(1, 1000)
      .no_effect()
      .help("how many of the latest checkpoints stay while the stage runs");
}

void describe(Description& d, TrainOptions& options) {
  describe(d, options.budget);
  describe_batch(d, options);
  describe_training(d, options);
}

void describe_pass(Description& d, TrainOptions& options) {
  describe_batch(d, options);
  describe_micro_batch(d, options);
  describe_precision(d, options);
  d.group("eval", [&](Description& e) {
     describe_eval_tokens(e, options);
   }).help("the held-out part");
  describe_checkpoints(d, options);
}

namespace {

void check_schedule(const Schedule& schedule) {
  if (schedule.learning_rate == 0)
    throw Error(
        "learning_rate: at 0 no update changes a weight. Give more; to evaluate alone, take no "
        "steps (budget: {steps: 0}, of ppo iterations: 0)");
  if (schedule.kind != "wsd" && schedule.decay != Schedule().decay)
    throw Error("schedule.decay: belongs to kind 'wsd', not '" + schedule.kind + "'; leave it out");
  if (schedule.kind == "constant" && schedule.final != Schedule().final)
    throw Error("schedule.final: kind 'constant' stays at the peak; leave it out");
  if (schedule.kind == "wsd" && schedule.warmup + schedule.decay > 1)
    throw Error("schedule: warmup " + json_number(schedule.warmup) + " and decay " +
                json_number(schedule.decay) + " together are more than the whole run");
}

void check_optimizer(const OptimizerOptions& options) {
  if (options.kind != "muon" && options.momentum != OptimizerOptions().momentum)
    throw Error("optimizer.momentum: belongs to kind 'muon', not '" + options.kind +
                "', whose is beta1; leave it out");
  const std::pair<const char*, double> means[] = {
      {"beta1", options.beta1}, {"beta2", options.beta2}, {"momentum", options.momentum}};
  for (const auto& [name, share] : means)
    if (share >= 1)
      throw Error(std::string("optimizer.") + name +
                  ": at 1 nothing of a gradient is taken in. Give less, as 0.95");
}

}  // namespace

void check(const TrainOptions& options) {
  Mistakes mistakes;
  mistakes.of([&] { check(options.lora); });
  mistakes.of([&] { check_schedule(options.schedule); });
  mistakes.of([&] { check_optimizer(options.optimizer); });
  if (options.optimizer.kind == "muon" && options.lora.rank)
    mistakes.add(
        "optimizer.kind: muon steps the layers' matrices, which lora leaves as they are. Use "
        "adamw, "
        "or train without lora.rank");
  if (options.patience > 0 && options.eval_every == 0)
    mistakes.add(
        "eval.patience: with 'every: 0' nothing is evaluated before the end, so nothing can "
        "stop training early. Leave 'every' out, or give a number of steps");
  if (options.save == "best" && options.eval_every == 0)
    mistakes.add(
        "save: with 'eval.every: 0' nothing is evaluated before the end, so 'best' is 'last'. "
        "Leave 'every' out, or give a number of steps");
  mistakes.report();
}

int64_t longest_example(Context& context, std::optional<int64_t> max_length,
                        const ModelConfig& config) {
  const int64_t most = config.max_position_embeddings;
  if (max_length && *max_length > most)
    context.warning("max_length: " + std::to_string(*max_length) +
                    " is above the model's context: the limit is " + std::to_string(most) +
                    " tokens");
  return std::min(max_length.value_or(most), most);
}

void make_trainable(Model& model, const TrainOptions& options, uint64_t seed) {
  if (options.lora.rank) model.add_adapter(options.lora, seed);
  model.set_activation_checkpointing(options.activation_checkpointing);
  model.set_noise({.neftune_alpha = options.neftune_noise_alpha,
                   .dropout = options.lora.dropout,
                   .seed = seed});
  model.make_trainable();
}

}  // namespace lehr::lm
