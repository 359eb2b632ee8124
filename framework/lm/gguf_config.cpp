#include "lm/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

namespace lehr::lm {
namespace {

constexpr double kLow = 1, kHigh = 4;  // low_freq_factor and high_freq_factor of every Llama 3

// The length a model was trained with first, from a factor between 1 and the largest: such a
// frequency is a blend, and how it is mixed tells how often it turned within that length. Where
// there is none, lengths that lie between the same two frequencies are one: Llama 3's.
int64_t original_length(const std::vector<float>& plain, const std::vector<float>& factors,
                        double factor) {
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double kept = (1 / static_cast<double>(factors[i]) - 1 / factor) / (1 - 1 / factor);
    if (!(kept > 1e-3 && kept < 1 - 1e-3)) continue;
    const double wavelength = 2 * std::numbers::pi / static_cast<double>(plain[i]);
    return std::llround(wavelength * (kLow + kept * (kHigh - kLow)));
  }
  return 8192;
}

// llama3's scaling from the factors it gives: one that reproduces them, or it is refused.
RopeScaling scaling_of(const GgufFile& file, const GgufTensor& factors, ModelConfig config) {
  if (factors.elements() == config.head_dim / 2) {
    std::vector<float> wanted(static_cast<std::size_t>(factors.elements()));
    dequantize(factors.type, factors.data, wanted.data(), factors.elements());
    const std::vector<float> plain = config.rope_frequencies();
    const double factor = *std::max_element(wanted.begin(), wanted.end());
    config.rope_scaling = {factor, kLow, kHigh, original_length(plain, wanted, factor)};
    const std::vector<float> scaled = config.rope_frequencies();
    bool equal = config.rope_scaling->original_max_position_embeddings > 0;
    for (std::size_t i = 0; i < plain.size(); ++i)
      equal &= std::fabs(plain[i] / scaled[i] - wanted[i]) < 1e-3f * wanted[i];
    if (equal) return *config.rope_scaling;
  }
  throw std::runtime_error(file.path().string() + ": " + kGgufRopeFactors +
                           " scales rotations as no Llama 3 model does");
}

int64_t token_id(const GgufFile& file, const char* key) {
  const auto* id = file.get<int64_t>(std::string("tokenizer.ggml.") + key);
  return id != nullptr ? *id : -1;
}

}  // namespace

ModelConfig gguf_config(const GgufFile& file) try {
  ModelConfig c;
  const std::string& architecture = file.text("general.architecture");
  c.family = parse_family(architecture);
  const auto key = [&](const char* name) { return architecture + "." + name; };
  const auto integer_or = [&](const char* name, int64_t otherwise) {
    const auto* value = file.get<int64_t>(key(name));
    return value != nullptr ? *value : otherwise;
  };
  c.hidden_size = file.integer(key("embedding_length"));
  c.intermediate_size = file.integer(key("feed_forward_length"));
  c.layers = file.integer(key("block_count"));
  c.heads = file.integer(key("attention.head_count"));
  c.kv_heads = integer_or("attention.head_count_kv", c.heads);
  c.head_dim = integer_or("attention.key_length", c.heads > 0 ? c.hidden_size / c.heads : 0);
  c.max_position_embeddings = file.integer(key("context_length"));
  c.rms_norm_eps = file.real(key("attention.layer_norm_rms_epsilon"));
  const auto* theta = file.get<double>(key("rope.freq_base"));
  c.rope_theta = theta != nullptr ? *theta : 10000.0;
  if (const auto* type = file.get<std::string>(key("rope.scaling.type")); type && *type != "none")
    throw std::runtime_error("rope scaling '" + *type + "' is not supported");
  const GgufTensor* embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2)
    throw std::runtime_error("no tensor 'token_embd.weight' [V, C]");
  c.vocab_size = embedding->shape[0];
  c.tie_word_embeddings = file.find("output.weight") == nullptr;
  c.bos_token_id = token_id(file, "bos_token_id");
  c.eos_token_id = token_id(file, "eos_token_id");
  c.pad_token_id = token_id(file, "padding_token_id");
  c.validate();
  if (const GgufTensor* factors = file.find(kGgufRopeFactors))
    c.rope_scaling = scaling_of(file, *factors, c);
  return c;
} catch (const std::exception& error) {
  const std::string where = file.path().string(), what = error.what();
  throw std::runtime_error(what.starts_with(where) ? what : where + ": " + what);
}

}  // namespace lehr::lm
