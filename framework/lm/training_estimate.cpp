#include "lm/training_estimate.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lm/generator.h"
#include "text/json_lines.h"

namespace lehr::lm {
namespace {

constexpr double kMasterBytes = 4, kGradientBytes = 4, kMomentBytes = 4;
// Of what matrix products of as many rows reach. Measured with 5.1M and 13.8M parameters: decoding
// 16 or 64 answers of 48 tokens after prompts of 20 reached 0.31 to 0.37; with answers of 16 tokens
// 0.4 to 0.55, as more of the work is the prompts'.
constexpr double kTrainingShare = 0.6, kDecodingShare = 0.35;
// Beside a step's tensors, of freed memory between them: 0.1 to 0.2 from 0.7M to 33.6M parameters.
constexpr double kFreeShare = 0.15;
constexpr std::uintmax_t kQuickBytes = 32 << 20;
constexpr double kProcessBytes = 145e6, kProcessBf16Bytes = 170e6;
// What oneDNN keeps for products in bf16 where rows come in many lengths; see start_runtime.
constexpr double kShapesBytes = 15e6;
// In memory: its place in the file and in the plan, and of a pair the margin, the source and the
// reference's log-probabilities.
constexpr double kSequenceBytes = 50;
constexpr double kStoredTokenBytes = 4;   // on disk
constexpr double kPairBytes = 3 * 8;      // two log-probabilities: in states and at the end
constexpr double kPackedTokenBytes = 24;  // of one update's rows: id, position, loss entry

double element_bytes(Precision precision) { return precision == Precision::kBf16 ? 2 : 4; }
double copy_bytes(Precision precision) { return precision == Precision::kBf16 ? 2 : 0; }
// Of what a product adds to a weight's gradient: in float32 it adds in place.
double added_bytes(double element) { return element < 4 ? element : 0; }

std::vector<ParameterSlot> trained_slots(const ModelConfig& config, const LoraOptions& lora) {
  return lora.rank ? adapter_slots(config, lora) : parameter_slots(config);
}

int64_t elements(const std::vector<ParameterSlot>& slots) {
  int64_t sum = 0;
  for (const ParameterSlot& slot : slots) sum += slot.size;
  return sum;
}

// LayerTape: x, its norm, qkv, attention's output, the middle, its norm, gate and up.
double layer_bytes(const ModelConfig& config, double element, double tokens) {
  const auto width = static_cast<double>(config.hidden_size),
             ffn = static_cast<double>(config.intermediate_size),
             queries = static_cast<double>(config.heads * config.head_dim),
             keys = static_cast<double>(config.kv_heads * config.head_dim);
  return element * tokens * (4 * width + 2 * queries + 2 * keys + 2 * ffn);
}

// One chunk's logits, the gradient of the hidden states in float32, and where the head is trained
// its gradient and what a chunk adds to it.
double head_bytes(const ModelConfig& config, double element, double tokens, bool trained) {
  if (config.head != HeadKind::kLanguage) return 0;
  const auto width = static_cast<double>(config.hidden_size),
             vocabulary = static_cast<double>(config.vocab_size);
  const double chunk = std::min(tokens, std::clamp(8388608 / vocabulary, 64.0, 1024.0));
  return element * chunk * (vocabulary + width) + 4 * tokens * width +
         (trained ? (4 + added_bytes(element)) * vocabulary * width : 0);
}

double moment_bytes(const ModelConfig& config, const TrainOptions& options) {
  const std::vector<ParameterSlot> trained = trained_slots(config, options.lora);
  const int64_t moments = elements(trained) + elements(squared_slots(trained, options.optimizer));
  return kMomentBytes * static_cast<double>(moments);
}

}  // namespace

int64_t trained_elements(const ModelConfig& config, const LoraOptions& lora) {
  return elements(trained_slots(config, lora));
}

double process_bytes(Precision precision) {
  return precision == Precision::kBf16 ? kProcessBf16Bytes : kProcessBytes;
}

double frozen_bytes(const ModelConfig& config, Precision precision) {
  return (kMasterBytes + copy_bytes(precision)) * static_cast<double>(config.parameters());
}

double trained_bytes(const ModelConfig& config, const TrainOptions& options) {
  const Precision precision = parse_precision(options.precision);
  const auto trained = static_cast<double>(trained_elements(config, options.lora));
  const double adapter = options.lora.rank ? (kMasterBytes + copy_bytes(precision)) * trained : 0;
  return frozen_bytes(config, precision) + adapter + kGradientBytes * trained +
         moment_bytes(config, options);
}

double best_bytes(const ModelConfig& config, const TrainOptions& options) {
  if (options.save != "best") return 0;
  return (kMasterBytes + copy_bytes(parse_precision(options.precision))) *
         static_cast<double>(trained_elements(config, options.lora));
}

double step_tensors(const ModelConfig& config, const TrainOptions& options, int64_t row_tokens) {
  const double element = element_bytes(parse_precision(options.precision));
  const bool adapted = options.lora.rank.has_value(), again = options.activation_checkpointing;
  const auto tokens = static_cast<double>(row_tokens),
             width = static_cast<double>(config.hidden_size),
             ffn = static_cast<double>(config.intermediate_size),
             queries = static_cast<double>(config.heads * config.head_dim),
             keys = static_cast<double>(config.kv_heads * config.head_dim),
             layers = static_cast<double>(config.layers);
  const double stream = element * tokens * width;
  const double tape = layer_bytes(config, element, tokens);
  // Of all layers, and the last one's output with its norm.
  const double kept = layers * (again ? stream : tape) + 2 * stream;
  // One layer's: the product's gradient and the product, gradients of gate and up, two of the
  // stream; then attention's. Beside them a weight's gradient, or an adapter's copy of what it
  // reads, which dropout has made smaller in place.
  const double backward = (again ? tape : 0) + 2 * stream +
                          element * tokens * std::max(4 * ffn, 2 * queries + 2 * keys) +
                          ffn * (adapted ? element * tokens : added_bytes(element) * 2 * width);
  return kept + std::max(backward, head_bytes(config, element, tokens, !adapted));
}

// Where layers are made again, a layer's activations rarely fit into what lies free between the
// entries that are kept.
double step_bytes(const ModelConfig& config, const TrainOptions& options, int64_t row_tokens) {
  const double element = element_bytes(parse_precision(options.precision));
  const double again = options.activation_checkpointing
                           ? layer_bytes(config, element, static_cast<double>(row_tokens))
                           : 0;
  return (1 + kFreeShare) * step_tensors(config, options, row_tokens) + again;
}

double pass_bytes(const ModelConfig& config, const TrainOptions& options, int64_t row_tokens) {
  const double element = element_bytes(parse_precision(options.precision));
  const auto tokens = static_cast<double>(row_tokens);
  return layer_bytes(config, element, tokens) +
         std::max(element * tokens * static_cast<double>(config.intermediate_size),
                  head_bytes(config, element, tokens, false));
}

double generation_bytes(const ModelConfig& config, const TrainOptions& options, int64_t answers,
                        int64_t tokens) {
  const double element = element_bytes(parse_precision(options.precision));
  const auto slots = static_cast<double>(answers + 1), rows = static_cast<double>(tokens);
  const auto keys = static_cast<double>(config.kv_heads * config.head_dim);
  const double cache = element * static_cast<double>(config.layers) * slots * rows * 2 * keys;
  const double logits = (element + 4) * slots * static_cast<double>(config.vocab_size);
  return cache + std::max(logits, layer_bytes(config, element, kPrefillTokens));
}

double checkpoint_bytes(const ModelConfig& config, const TrainOptions& options) {
  return kMasterBytes * static_cast<double>(trained_elements(config, options.lora)) +
         moment_bytes(config, options);
}

double disk_bytes(const ModelConfig& config, const TrainOptions& options, double checkpoint) {
  const double checkpoints = static_cast<double>(options.checkpoint_keep) + 3;
  if (options.save == "best")
    checkpoint += kMasterBytes * static_cast<double>(trained_elements(config, options.lora));
  return checkpoints * checkpoint + kMasterBytes * static_cast<double>(config.parameters());
}

double training_flops_per_second(const TrainOptions& options) {
  return kTrainingShare * measure_peak_flops(parse_precision(options.precision));
}

double decoding_flops_per_second(const TrainOptions& options, int64_t answers) {
  return kDecodingShare * measure_peak_flops(parse_precision(options.precision), answers);
}

std::filesystem::path made(const std::vector<Input>& inputs, std::string_view port) {
  for (const Input& in : inputs)
    if (in.port == port) return in.path;
  return {};
}

std::optional<ModelConfig> known_config(const std::vector<Input>& inputs, std::string_view port) {
  for (const Input& in : inputs) {
    if (in.port != port) continue;
    if (!in.path.empty()) return read_config(in.path);
    const auto facts = nlohmann::json::parse(in.facts, nullptr, false);
    if (facts.is_object() && facts.contains("config"))
      return config_from_json(facts["config"].dump(), "what is told of '" + in.label + "'");
  }
  return {};
}

std::optional<int64_t> told_number(const Input& in, const char* name) {
  const auto facts = nlohmann::json::parse(in.facts, nullptr, false);
  if (!facts.is_object() || !facts.contains(name) || !facts[name].is_number_integer()) return {};
  return facts[name].get<int64_t>();
}

std::optional<std::filesystem::path> known_tokenizer(const std::vector<Input>& inputs,
                                                     std::string_view port) {
  for (const Input& in : inputs) {
    if (in.port != port) continue;
    if (!in.path.empty()) return in.path;
    const auto facts = nlohmann::json::parse(in.facts, nullptr, false);
    if (!facts.is_object() || !facts.contains("tokenizer") || !facts["tokenizer"].is_string())
      return {};
    const std::filesystem::path folder = facts["tokenizer"].get<std::string>();
    if (std::filesystem::exists(folder / "tokenizer.json")) return folder;
  }
  return {};
}

std::string model_facts(const ModelConfig& config,
                        const std::optional<std::filesystem::path>& tokenizer) {
  return "{\"config\":" + config_to_json(config) +
         (tokenizer ? ",\"tokenizer\":" + json_string(tokenizer->string()) : "") + "}";
}

double most_keys(const ModelConfig& config, int64_t row_tokens) {
  return static_cast<double>(std::min(config.max_position_embeddings, row_tokens) + 1) / 2;
}

bool is_quick_to_read(const std::filesystem::path& artifact) {
  std::uintmax_t bytes = 0;
  for (const std::filesystem::path& file : text::data_files(artifact, "train"))
    bytes += std::filesystem::file_size(file);
  return bytes <= kQuickBytes;
}

EpochSize most_pairs(const std::vector<Input>& inputs, int64_t max_length) {
  for (const Input& in : inputs) {
    if (in.port == "preferences")
      if (const auto counts = known_rows<text::Preference>(in))
        return {counts->rows, counts->most_tokens(2 * max_length)};
    if (in.port == "feedback")  // an answer counts twice: for its row, and mismatched for another
      if (const auto counts = known_rows<text::Feedback>(in))
        return {counts->rows, 2 * counts->most_tokens(max_length)};
  }
  return {};
}

void estimate_work(const TrainOptions& options, const Workload& workload, double default_epochs,
                   double tokens_per_epoch, bool at_most, Estimate& out) {
  const Budget& budget = options.budget;
  const bool by_epochs =
      !budget.steps && !budget.tokens && !budget.flops && !budget.chinchilla && !budget.time;
  const auto step_tokens = static_cast<double>(workload.tokens_per_step);
  const double step_flops = workload.flops_per_token * step_tokens;
  const double flops_per_second = training_flops_per_second(options);
  if (at_most && budget.flops) {  // steps: at least so many
    out.flops = *budget.flops;
    out.seconds = *out.flops / flops_per_second;
    return;
  }
  if (budget.time) {
    out.seconds = *budget.time;
    if (step_flops > 0 && !at_most)
      out.steps = std::floor(*budget.time * flops_per_second / step_flops);
  } else if ((budget.flops && step_flops <= 0) || (budget.chinchilla && workload.parameters <= 0)) {
    return;  // what it buys depends on a model that is not known
  } else if (!by_epochs || workload.steps_in_epochs) {
    out.steps = static_cast<double>(steps_of(budget, workload, default_epochs));
  }
  if (!out.steps) return;
  if (at_most && by_epochs) out.at_most |= LEHR_AT_MOST_STEPS | LEHR_AT_MOST_TOKENS;
  out.tokens = *out.steps * step_tokens;
  if (by_epochs && tokens_per_epoch > 0)
    out.tokens = budget.epochs.value_or(default_epochs) * tokens_per_epoch;
  if (workload.flops_per_token <= 0) return;
  out.flops = *out.tokens * workload.flops_per_token;
  out.seconds = *out.flops / flops_per_second;
  if (at_most) out.at_most |= LEHR_AT_MOST_FLOPS | LEHR_AT_MOST_SECONDS;
}

namespace {

// Of the sequences of an epoch, packed into rows of up to `row_tokens`.
void estimate_space(const TrainOptions& options, const ModelConfig& config, int64_t row_tokens,
                    const EpochSize& epoch, Estimate& out) {
  out.parameters = static_cast<double>(trained_elements(config, options.lora));
  const Precision precision = parse_precision(options.precision);
  out.memory_bytes = process_bytes(precision) + trained_bytes(config, options) +
                     best_bytes(config, options) + step_bytes(config, options, row_tokens);
  if (epoch.tokens > 0)
    *out.memory_bytes +=
        kSequenceBytes * epoch.sequences + (precision == Precision::kBf16 ? kShapesBytes : 0) +
        kPackedTokenBytes * std::min(epoch.tokens, static_cast<double>(options.batch_tokens));
  out.disk_bytes = disk_bytes(config, options, checkpoint_bytes(config, options)) +
                   kStoredTokenBytes * epoch.tokens;
}

}  // namespace

void estimate_fine_tuning(const TrainOptions& options, const ModelConfig& config,
                          SequenceFeed& feed, double default_epochs, Estimate& out, double share) {
  const double tokens = static_cast<double>(feed.tokens_per_epoch()) / share;
  estimate_space(options, config, feed.longest_row(),
                 {static_cast<double>(feed.sequences()) / share, tokens}, out);
  Workload known = workload(config, feed, options.batch_tokens);
  if (share < 1)
    known.steps_in_epochs = [&](double epochs) {
      const auto steps = static_cast<double>(feed.steps_in_epochs(1));
      return std::max<int64_t>(1, std::llround(epochs * steps / share));
    };
  estimate_work(options, known, default_epochs, tokens, false, out);
}

void bound_fine_tuning(const TrainOptions& options, const ModelConfig& config,
                       const EpochSize& epoch, double default_epochs, Estimate& out) {
  int64_t row_tokens = options.row_tokens();
  if (epoch.tokens > 0)
    row_tokens =
        static_cast<int64_t>(std::min(std::ceil(epoch.tokens), static_cast<double>(row_tokens)));
  estimate_space(options, config, row_tokens, epoch, out);
  Workload known;
  known.tokens_per_step = options.batch_tokens;
  known.parameters = static_cast<double>(config.parameters());
  known.flops_per_token = config.flops_per_token(most_keys(config, row_tokens));
  if (epoch.tokens > 0) {
    out.at_most |= LEHR_AT_MOST_MEMORY;
    known.steps_in_epochs = [&](double epochs) {
      const double steps = epochs * epoch.tokens / static_cast<double>(options.batch_tokens);
      return static_cast<int64_t>(std::max(1.0, std::ceil(steps)));
    };
  }
  estimate_work(options, known, default_epochs, epoch.tokens, true, out);
}

namespace {

// The pairs at the input `preferences` or `feedback`, or an even share of them; nothing: they
// cannot be read yet.
struct PairsAhead {
  SequenceFeed feed;
  double share;
};
std::optional<PairsAhead> pairs_ahead(const TrainOptions& options, const std::vector<Input>& inputs,
                                      int64_t max_length, OverLong over_long) {
  const auto tokenizer = known_tokenizer(inputs, "model");
  const bool feedback = std::any_of(inputs.begin(), inputs.end(),
                                    [](const Input& in) { return in.port == "feedback"; });
  const auto rows = RowsAhead::find(inputs, feedback ? "feedback" : "preferences");
  if (!tokenizer || !rows) return {};
  const auto& files = rows->files().front();
  const auto loaded = text::Tokenizer::load(*tokenizer);
  const std::filesystem::path scratch = std::filesystem::temp_directory_path();
  SequenceFile sequences =
      feedback
          ? read_feedback(files, loaded, max_length, scratch).sequences
          : read_preferences(files, loaded, max_length, over_long, SequenceFile(scratch)).sequences;
  return PairsAhead{SequenceFeed(std::move(sequences),
                                 pair_packing(options.row_tokens(), options.batch_tokens, 0)),
                    rows->share()};
}

}  // namespace

void estimate_on_pairs(const TrainOptions& options, const ModelConfig& config,
                       const std::vector<Input>& inputs, int64_t max_length, OverLong over_long,
                       Estimate& out) {
  auto ahead = pairs_ahead(options, inputs, max_length, over_long);
  if (!ahead) return bound_fine_tuning(options, config, most_pairs(inputs, max_length), 1, out);
  estimate_fine_tuning(options, config, ahead->feed, 1, out, ahead->share);
}

void estimate_reading_pairs(const TrainOptions& options, const ModelConfig& config,
                            const std::vector<Input>& inputs, int64_t max_length,
                            OverLong over_long, Estimate& out) {
  auto ahead = pairs_ahead(options, inputs, max_length, over_long);
  const EpochSize epoch =
      ahead ? EpochSize{static_cast<double>(ahead->feed.sequences()) / ahead->share,
                        static_cast<double>(ahead->feed.tokens_per_epoch()) / ahead->share}
            : most_pairs(inputs, max_length);
  const int64_t row_tokens = ahead ? ahead->feed.longest_row() : options.row_tokens();
  const Precision precision = parse_precision(options.precision);
  out.parameters = static_cast<double>(config.parameters());
  out.memory_bytes = process_bytes(precision) + frozen_bytes(config, precision) +
                     pass_bytes(config, options, row_tokens) + kSequenceBytes * epoch.sequences;
  out.disk_bytes = kStoredTokenBytes * epoch.tokens + kPairBytes * epoch.sequences;
  if (epoch.tokens <= 0) return;
  out.tokens = epoch.tokens;
  const double flops = ahead ? workload(config, ahead->feed, options.batch_tokens).flops_per_token
                             : config.flops_per_token(most_keys(config, row_tokens));
  out.flops = epoch.tokens * flops / 3;  // without the backward pass
  out.seconds = *out.flops / training_flops_per_second(options);
  if (!ahead)
    out.at_most |=
        LEHR_AT_MOST_TOKENS | LEHR_AT_MOST_FLOPS | LEHR_AT_MOST_MEMORY | LEHR_AT_MOST_SECONDS;
}

}  // namespace lehr::lm
