// For `lehr plan`: what training would need, told before it runs. Memory is a sum over what is
// allocated: the buffers of parameters.h, what trunk.cpp keeps of a row for the backward pass, the
// logits of a chunk in heads.cpp. `./tools/bench memory` holds it to measured peaks.
#pragma once

#include <lehr/plugin.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lm/budget.h"
#include "lm/config.h"
#include "lm/lora.h"
#include "lm/preference_feed.h"
#include "lm/rows_ahead.h"
#include "lm/runtime.h"
#include "lm/train_options.h"

namespace lehr::lm {

// Elements that are trained: all, or those of an adapter.
int64_t trained_elements(const ModelConfig& config, const LoraOptions& lora);

// Bytes. A frozen model: the float32 weights and the compute copy. A trained one also gradients and
// the optimizer's moments, of the weights or of an adapter beside them.
double frozen_bytes(const ModelConfig& config, Precision precision);
double trained_bytes(const ModelConfig& config, const TrainOptions& options);
// Beside them all along, for `save: best`: the best weights of the model that decides; else 0.
double best_bytes(const ModelConfig& config, const TrainOptions& options);
// What is held at its highest beside the models: by a training step over a row of `row_tokens`, by
// a pass over one that only reads, by generation of `answers` at once in up to `tokens` with their
// prompts.
double step_bytes(const ModelConfig& config, const TrainOptions& options, int64_t row_tokens);
// The tensors of such a step alone, without the freed memory between them.
double step_tensors(const ModelConfig& config, const TrainOptions& options, int64_t row_tokens);
double pass_bytes(const ModelConfig& config, const TrainOptions& options, int64_t row_tokens);
double generation_bytes(const ModelConfig& config, const TrainOptions& options, int64_t answers,
                        int64_t tokens);
// The process without any model: libraries, threads, the allocator's slack. For products in bf16
// oneDNN and its code come to it. In float32 the smallest models took 131 to 143 MB of it, so that
// estimates of theirs may be a tenth too high.
double process_bytes(Precision precision);
// In none of them: the copy that a Snapshot makes of what the disk has not taken of a checkpoint by
// the time of the next update. Nothing where it keeps up, checkpoint_bytes at most.

// What a checkpoint holds of a trained model: what is trained, and its moments.
double checkpoint_bytes(const ModelConfig& config, const TrainOptions& options);
// Largest together in the work folder: the checkpoints that are kept, two anchors, the one being
// written, of `checkpoint` bytes each and the best weights for `save: best`, and the model that
// comes out.
double disk_bytes(const ModelConfig& config, const TrainOptions& options, double checkpoint);

// Where the input of a port lies; empty: it is not made yet, or not connected.
std::filesystem::path made(const std::vector<Input>& inputs, std::string_view port);
// The shape of the model at a port: as its folder says, or before it is made, as the stage that
// will make it tells. Nothing: it is not known, or not connected.
std::optional<ModelConfig> known_config(const std::vector<Input>& inputs, std::string_view port);
// A whole number that is told of an input that is not made yet.
std::optional<int64_t> told_number(const Input& in, const char* name);
// The folder with the tokenizer of the model at a port: before that is made, as the stage that will
// make it tells. Nothing: it is not there yet.
std::optional<std::filesystem::path> known_tokenizer(const std::vector<Input>& inputs,
                                                     std::string_view port);
// What a stage tells of a model that it will make (Estimate::outputs); tokenizer: see
// known_tokenizer.
std::string model_facts(const ModelConfig& config,
                        const std::optional<std::filesystem::path>& tokenizer);
// Most keys that a token attends to on average: each segment fills the context, or a row of so many
// tokens.
double most_keys(const ModelConfig& config, int64_t row_tokens);
// Whether an artifact's rows are few enough to be read while planning.
bool is_quick_to_read(const std::filesystem::path& artifact);

// What an epoch has; 0: not known.
struct EpochSize {
  double sequences = 0;
  double tokens = 0;
};
// The most over the input `preferences` or `feedback` before it can be read, with a prompt and an
// answer of at most `max_length`.
EpochSize most_pairs(const std::vector<Input>& inputs, int64_t max_length);

// FLOP/s of whole training steps, and of decoding so many answers at once: shares of what matrix
// products of as many rows reach here and now.
double training_flops_per_second(const TrainOptions& options);
double decoding_flops_per_second(const TrainOptions& options, int64_t answers);

// Steps, tokens, FLOPs and seconds of training, as far as they follow from what is known of the
// workload: parameters and flops_per_token may be 0, steps_in_epochs empty. tokens_per_epoch 0: not
// known. at_most: these are the most that they can be, flops_per_token as by most_keys.
void estimate_work(const TrainOptions& options, const Workload& workload, double default_epochs,
                   double tokens_per_epoch, bool at_most, Estimate& out);

// All that a stage which trains one model on packed sequences needs. share: of its sequences that
// are in the feed.
void estimate_fine_tuning(const TrainOptions& options, const ModelConfig& config,
                          SequenceFeed& feed, double default_epochs, Estimate& out,
                          double share = 1);
// The most of it before there are sequences, of which an epoch has `epoch` at most.
void bound_fine_tuning(const TrainOptions& options, const ModelConfig& config,
                       const EpochSize& epoch, double default_epochs, Estimate& out);
// Either for one epoch of the pairs at the input `preferences` or `feedback`, as the tokenizer of
// `model` makes them sequences of up to `max_length`. Those of feedback are cut.
void estimate_on_pairs(const TrainOptions& options, const ModelConfig& config,
                       const std::vector<Input>& inputs, int64_t max_length, OverLong over_long,
                       Estimate& out);
// Of a pass of a model over those pairs, once, that only reads: as DPO's reference.
void estimate_reading_pairs(const TrainOptions& options, const ModelConfig& config,
                            const std::vector<Input>& inputs, int64_t max_length,
                            OverLong over_long, Estimate& out);

}  // namespace lehr::lm
