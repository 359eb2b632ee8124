// What every trainer lets the pipeline choose.
#pragma once

#include <lehr/context.h>
#include <lehr/description.h>

#include <cstdint>
#include <optional>
#include <string>

#include "lm/budget.h"
#include "lm/lora.h"
#include "lm/optimizer.h"
#include "lm/schedule.h"

namespace lehr::lm {

struct TrainOptions {
  Budget budget;
  LoraOptions lora;  // for stages that declare it
  Schedule schedule;
  OptimizerOptions optimizer;
  int64_t batch_tokens = 4096;        // of one update
  int64_t micro_batch_tokens = 2048;  // of one packed row: memory, and the shape of the products
  std::string precision = "auto";
  bool activation_checkpointing = false;
  double neftune_noise_alpha = 0;      // for stages that declare it
  double spike_deviations = 6;         // see LossGuard; 0: a spike is an update like others
  std::optional<int64_t> eval_every;   // steps; null: ten times over the run
  std::optional<int64_t> eval_tokens;  // of the evaluation set; null: all of it
  int64_t patience = 0;                // evaluations in a row without a better one; 0: no limit
  std::string save = "last";           // best: the weights with the best evaluation metric
  double checkpoint_every = 60;        // seconds
  std::optional<int64_t> checkpoint_steps;
  int64_t checkpoint_keep = 1;

  int64_t row_tokens() const;     // micro_batch_tokens, at most batch_tokens
  int64_t rows_per_step() const;  // batch_tokens / row_tokens, rounded up
};

// Declares budget, learning_rate, schedule, optimizer, batch_tokens, micro_batch_tokens, precision,
// eval, save and checkpoint; the defaults are what `options` holds.
void describe(Description& d, TrainOptions& options);
// The part for stages that count batches their own way (PPO): all but batch_tokens and budget.
void describe_training(Description& d, TrainOptions& options);
// For stages that read rows as training would and learn nothing: batch_tokens,
// micro_batch_tokens, precision, eval.tokens and how much work a kill may cost.
void describe_pass(Description& d, TrainOptions& options);
// Rules across parameters; throws lehr::Error.
void check(const TrainOptions& options);

// How long an example may be: `max_length`, and no more than the model's context, which it tells.
int64_t longest_example(Context& context, std::optional<int64_t> max_length,
                        const ModelConfig& config);

// Makes a model trainable as they say: with an adapter beside its weights or not, keeping
// activations for the backward pass or making them again, with what noise.
void make_trainable(Model& model, const TrainOptions& options, uint64_t seed);

}  // namespace lehr::lm
