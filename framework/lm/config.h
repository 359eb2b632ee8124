// The shape of a Llama, Qwen2 or Qwen3 model and its Hugging Face config.json, read and written so
// that transformers 4 and 5 load the folder. What Lehr cannot compute exactly (other rope scaling
// than llama3's, sliding windows, other biases) is refused, not ignored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lehr::lm {

// What the layers have beyond Llama's. Qwen2: biases on q, k, v. Qwen3: an RMSNorm over each head
// of q and k before rope.
enum class Family { kLlama, kQwen2, kQwen3 };
std::string family_name(Family family);        // "llama", as config.json's model_type
Family parse_family(const std::string& name);  // throws std::invalid_argument

enum class HeadKind {
  kLanguage,  // ...ForCausalLM: lm_head.weight [V, C], or the embedding when tied
  kScore,     // ...ForSequenceClassification with one label: score.weight [1, C]
};

// Llama 3's: slow rotations are slowed further by `factor`, fast ones left, those between blended.
struct RopeScaling {
  double factor = 8.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  int64_t original_max_position_embeddings = 8192;
  bool operator==(const RopeScaling&) const = default;
};

struct ModelConfig {
  Family family = Family::kLlama;
  int64_t hidden_size = 384;         // C
  int64_t intermediate_size = 1024;  // F
  int64_t layers = 6;
  int64_t heads = 6;          // H
  int64_t kv_heads = 6;       // K, divides H
  int64_t head_dim = 64;      // D, even
  int64_t vocab_size = 8192;  // V
  double rope_theta = 10000.0;
  std::optional<RopeScaling> rope_scaling = {};
  double rms_norm_eps = 1e-5;
  bool tie_word_embeddings = true;
  int64_t max_position_embeddings = 2048;
  HeadKind head = HeadKind::kLanguage;
  // Beside the language head score.weight [1, C], of a critic on the same trunk. Not part of
  // config.json, nor of a folder that is written.
  bool value_head = false;
  // Rows of score.weight: an ensemble of reward models on one trunk, while it is trained. A folder
  // that is written holds their mean, whose score is the mean of theirs.
  int64_t score_heads = 1;
  double initializer_range = 0.02;
  int64_t bos_token_id = -1;  // -1: none, written as null
  int64_t eos_token_id = -1;
  int64_t pad_token_id = -1;

  bool has_score_weight() const { return head == HeadKind::kScore || value_head; }
  bool qkv_bias() const { return family == Family::kQwen2; }
  bool qk_norm() const { return family == Family::kQwen3; }
  // [D/2] radians per position, fastest first.
  std::vector<float> rope_frequencies() const;

  // Throws std::invalid_argument naming the first field that cannot be.
  void validate() const;

  // All parameters, embedding included, tied ones once.
  int64_t parameters() const;
  // Parameters that take part in a matrix product per token: no look-up, no norms, head included.
  int64_t matmul_parameters() const;
  // Training FLOPs per token: 6 * matmul_parameters + 12 * layers * H * D * mean_keys, where
  // mean_keys is the mean number of keys a token attends to.
  double flops_per_token(double mean_keys) const;
  bool operator==(const ModelConfig&) const = default;
};

// config.json as text, with both generations of key names.
std::string config_to_json(const ModelConfig& config);
// `where` names the source in errors. Throws std::runtime_error on what Lehr cannot compute
// exactly.
ModelConfig config_from_json(const std::string& text, const std::string& where);
ModelConfig read_config(const std::filesystem::path& model_dir);
void write_config(const ModelConfig& config, const std::filesystem::path& model_dir);

}  // namespace lehr::lm
