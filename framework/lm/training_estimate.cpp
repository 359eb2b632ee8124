#include "lm/training_estimate.h"

#include <algorithm>
#include <cmath>

#include "text/json_lines.h"

namespace lehr::lm {
namespace {

constexpr double kMasterBytes = 4, kGradientBytes = 4, kMomentBytes = 8;
// Of the measured peak of matrix products, the share that a whole training step reaches.
constexpr double kShareOfPeak = 0.6;
constexpr std::uintmax_t kQuickBytes = 32 << 20;
// What oneDNN keeps for products where rows come in many lengths; see start_runtime.
constexpr double kShapesBytes = 15e6;
constexpr double kSequenceTokenBytes = 16;  // ids and weights, once for the feed and once beside it

double element_bytes(Precision precision) { return precision == Precision::kBf16 ? 2 : 4; }
double copy_bytes(Precision precision) { return precision == Precision::kBf16 ? 2 : 0; }

}  // namespace

int64_t trained_elements(const ModelConfig& config, const LoraOptions& lora) {
  if (!lora.rank) return config.parameters();
  int64_t elements = 0;
  for (const ParameterSlot& slot : adapter_slots(config, lora)) elements += slot.size;
  return elements;
}

double frozen_bytes(const ModelConfig& config, Precision precision) {
  return (kMasterBytes + copy_bytes(precision)) * static_cast<double>(config.parameters());
}

double trained_bytes(const ModelConfig& config, Precision precision, const LoraOptions& lora) {
  const auto trained = static_cast<double>(trained_elements(config, lora));
  const double adapter = lora.rank ? (kMasterBytes + copy_bytes(precision)) * trained : 0;
  return frozen_bytes(config, precision) + adapter + (kGradientBytes + kMomentBytes) * trained;
}

double step_bytes(const ModelConfig& config, Precision precision, int64_t row_tokens,
                  bool activation_checkpointing) {
  const double element = element_bytes(precision);
  const auto tokens = static_cast<double>(row_tokens),
             width = static_cast<double>(config.hidden_size),
             ffn = static_cast<double>(config.intermediate_size),
             queries = static_cast<double>(config.heads * config.head_dim),
             keys = static_cast<double>(config.kv_heads * config.head_dim),
             layers = static_cast<double>(config.layers),
             vocabulary = static_cast<double>(config.vocab_size);
  // LayerTape: x, its norm, qkv, attention's output, the middle, its norm, gate and up.
  const double tape = element * tokens * (4 * width + 2 * queries + 2 * keys + 2 * ffn);
  const double kept =
      activation_checkpointing ? layers * element * tokens * width + tape : layers * tape;
  // One layer's backward: gate and up again, the product, gradients of qkv and of the stream.
  const double backward =
      element * tokens * (4 * ffn + queries + 2 * keys + 4 * width) + 2 * element * ffn * width;
  // The head: one chunk's logits, the weight gradient and what a chunk adds to it.
  const double chunk = std::clamp(8388608 / vocabulary, 64.0, 1024.0);
  const double head =
      config.head == HeadKind::kLanguage
          ? vocabulary * (2 * element * chunk + (4 + element) * width) + 4 * tokens * width
          : 0;
  return kept + std::max(backward, head);
}

double disk_bytes(const TrainOptions& options, const ModelConfig& config, double trained) {
  const double checkpoints = static_cast<double>(options.checkpoint_keep) + 3;
  return checkpoints * (kMasterBytes + kMomentBytes) * trained +
         kMasterBytes * static_cast<double>(config.parameters());
}

std::filesystem::path made(const std::vector<Input>& inputs, std::string_view port) {
  for (const Input& in : inputs)
    if (in.port == port) return in.path;
  return {};
}

bool is_quick_to_read(const std::filesystem::path& artifact) {
  std::uintmax_t bytes = 0;
  for (const std::filesystem::path& file : text::data_files(artifact, "train"))
    bytes += std::filesystem::file_size(file);
  return bytes <= kQuickBytes;
}

void estimate_work(const TrainOptions& options, const Workload& workload, double default_epochs,
                   double tokens_per_epoch, Estimate& out) {
  const Budget& budget = options.budget;
  const bool by_epochs =
      !budget.steps && !budget.tokens && !budget.flops && !budget.chinchilla && !budget.time;
  const auto step_tokens = static_cast<double>(workload.tokens_per_step);
  const double step_flops = workload.flops_per_token * step_tokens;
  const double flops_per_second =
      kShareOfPeak * measure_peak_flops(parse_precision(options.precision));
  if (budget.time) {
    out.seconds = *budget.time;
    if (step_flops > 0) out.steps = std::floor(*budget.time * flops_per_second / step_flops);
  } else if ((budget.flops && step_flops <= 0) || (budget.chinchilla && workload.parameters <= 0)) {
    return;  // what it buys depends on a model that is not known
  } else if (!by_epochs || workload.steps_in_epochs) {
    out.steps = static_cast<double>(steps_of(budget, workload, default_epochs));
  }
  if (!out.steps) return;
  out.tokens = *out.steps * step_tokens;
  if (by_epochs && tokens_per_epoch > 0)
    out.tokens = budget.epochs.value_or(default_epochs) * tokens_per_epoch;
  if (workload.flops_per_token <= 0) return;
  out.flops = *out.tokens * workload.flops_per_token;
  out.seconds = *out.flops / flops_per_second;
}

void estimate_fine_tuning(const TrainOptions& options, const ModelConfig& config,
                          SequenceFeed* feed, int64_t tokens_per_step, double default_epochs,
                          Estimate& out) {
  const Precision precision = parse_precision(options.precision);
  const auto trained = static_cast<double>(trained_elements(config, options.lora));
  out.parameters = trained;
  out.memory_bytes =
      kProcessBytes + trained_bytes(config, precision, options.lora) +
      step_bytes(config, precision, options.row_tokens(), options.activation_checkpointing);
  out.disk_bytes = disk_bytes(options, config, trained);
  if (feed == nullptr) {
    Workload known;
    known.tokens_per_step = tokens_per_step;
    known.parameters = static_cast<double>(config.parameters());
    estimate_work(options, known, default_epochs, 0, out);
    return;
  }
  const auto tokens = static_cast<double>(feed->tokens_per_epoch());
  *out.memory_bytes += kSequenceTokenBytes * tokens + kShapesBytes;
  estimate_work(options, workload(config, *feed, tokens_per_step), default_epochs, tokens, out);
}

}  // namespace lehr::lm
