#include "lm/config.h"

#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <sstream>
#include <stdexcept>

#include "text/whole_number.h"

namespace lehr::lm {
namespace {

using nlohmann::json;
using text::whole_number;

// Far above any model there is: what is larger would overflow, or be refused only once it is laid
// out in memory.
constexpr int64_t kMostLayers = 1 << 12, kMostParameters = int64_t{1} << 50;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw std::runtime_error(where + ": " + what);
}

json token_id(int64_t id) { return id < 0 ? json(nullptr) : json(id); }

int64_t read_token_id(const json& j, const char* key) {
  if (!j.contains(key) || j[key].is_null()) return -1;
  // Llama 3 lists several end tokens; the first is the one that ends a text.
  if (j[key].is_array()) return j[key].empty() ? -1 : whole_number<int64_t>(j[key][0]);
  return whole_number<int64_t>(j[key]);
}

// A key whose value must be one of what Lehr computes; absent is fine.
void require_value(const json& j, const char* key, const json& value, const std::string& where) {
  if (j.contains(key) && !j[key].is_null() && j[key] != value) {
    refuse(where, std::string("'") + key + "' is " + j[key].dump() + "; only " + value.dump() +
                      " is supported");
  }
}

int64_t required_number(const json& j, const char* key) {
  if (!j.contains(key)) throw std::invalid_argument(std::string("there is no '") + key + "'");
  return whole_number<int64_t>(j[key]);
}

// Without the "[json.exception.type_error.302] " in front.
std::string plain(const json::exception& error) {
  const std::string what = error.what();
  const size_t end = what.find("] ");
  return end == std::string::npos ? what : what.substr(end + 2);
}

// transformers 4 writes rope_theta and rope_scaling, 5 writes rope_parameters.
void read_rope(const json& j, const std::string& where, ModelConfig& c) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!j.contains(key) || j[key].is_null()) continue;
    const json& rope = j[key];
    const std::string type = rope.value("rope_type", rope.value("type", std::string("default")));
    c.rope_theta = rope.value("rope_theta", c.rope_theta);
    require_value(rope, "partial_rotary_factor", 1, where);
    if (type == "default") continue;
    if (type != "llama3")
      refuse(where, std::string(key) + " has type '" + type +
                        "'; only 'default' and 'llama3' are supported");
    c.rope_scaling = {rope.at("factor").get<double>(), rope.at("low_freq_factor").get<double>(),
                      rope.at("high_freq_factor").get<double>(),
                      whole_number<int64_t>(rope.at("original_max_position_embeddings"))};
  }
  c.rope_theta = j.value("rope_theta", c.rope_theta);
}

json rope_json(const ModelConfig& c) {
  if (!c.rope_scaling) return {{"rope_type", "default"}, {"rope_theta", c.rope_theta}};
  const RopeScaling& s = *c.rope_scaling;
  return {{"rope_type", "llama3"},
          {"rope_theta", c.rope_theta},
          {"factor", s.factor},
          {"low_freq_factor", s.low_freq_factor},
          {"high_freq_factor", s.high_freq_factor},
          {"original_max_position_embeddings", s.original_max_position_embeddings}};
}

constexpr std::array kFamilies = {Family::kLlama, Family::kQwen2, Family::kQwen3};

const char* class_prefix(Family family) {
  switch (family) {
    case Family::kLlama:
      return "Llama";
    case Family::kQwen2:
      return "Qwen2";
    case Family::kQwen3:
      return "Qwen3";
  }
  return "";
}

std::string class_name(Family family, HeadKind head) {
  return std::string(class_prefix(family)) +
         (head == HeadKind::kScore ? "ForSequenceClassification" : "ForCausalLM");
}

}  // namespace

std::string family_name(Family family) {
  std::string name = class_prefix(family);
  name[0] = static_cast<char>(name[0] - 'A' + 'a');
  return name;
}

Family parse_family(const std::string& name) {
  for (const Family family : kFamilies)
    if (family_name(family) == name) return family;
  throw std::invalid_argument("model family '" + name +
                              "' is not supported; use llama, qwen2 or qwen3");
}

std::vector<float> ModelConfig::rope_frequencies() const {
  std::vector<float> frequencies(static_cast<size_t>(head_dim / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    double f =
        1.0 / std::pow(rope_theta, static_cast<double>(2 * i) / static_cast<double>(head_dim));
    if (rope_scaling) {
      const RopeScaling& s = *rope_scaling;
      const double turns =
          static_cast<double>(s.original_max_position_embeddings) * f / (2 * std::numbers::pi);
      const double share = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
      if (turns < s.low_freq_factor)
        f /= s.factor;
      else if (turns <= s.high_freq_factor)
        f = (1 - share) * f / s.factor + share * f;
    }
    frequencies[i] = static_cast<float>(f);  // float32 as in HF
  }
  return frequencies;
}

void ModelConfig::validate() const {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw std::invalid_argument("model config: " + what);
  };
  const auto positive = [&](int64_t value, const char* name) {
    require(value > 0 && value < (int64_t{1} << 31),
            std::string(name) + " is '" + std::to_string(value) + "', expected 1 to 2^31");
  };
  positive(hidden_size, "hidden_size");
  positive(intermediate_size, "intermediate_size");
  positive(layers, "layers");
  require(layers <= kMostLayers, "layers is '" + std::to_string(layers) + "', expected at most " +
                                     std::to_string(kMostLayers));
  positive(heads, "heads");
  positive(kv_heads, "kv_heads");
  positive(head_dim, "head_dim");
  positive(vocab_size, "vocab_size");
  positive(max_position_embeddings, "max_position_embeddings");
  const auto in_vocabulary = [&](int64_t id, const char* name) {
    require(id < vocab_size, std::string(name) + " is '" + std::to_string(id) +
                                 "', outside the vocabulary of " + std::to_string(vocab_size));
  };
  in_vocabulary(bos_token_id, "bos_token_id");
  in_vocabulary(eos_token_id, "eos_token_id");
  require(heads % kv_heads == 0, "kv_heads '" + std::to_string(kv_heads) +
                                     "' does not divide heads '" + std::to_string(heads) + "'");
  require(head_dim % 2 == 0,
          "head_dim '" + std::to_string(head_dim) + "' is odd; rotation needs pairs");
  require(rope_theta > 0, "rope_theta must be positive");
  require(rms_norm_eps > 0, "rms_norm_eps must be positive");
  if (rope_scaling) {
    require(rope_scaling->factor > 0 && rope_scaling->original_max_position_embeddings > 0,
            "rope scaling must be positive");
    require(rope_scaling->high_freq_factor > rope_scaling->low_freq_factor,
            "rope scaling needs high_freq_factor above low_freq_factor");
  }
  // In floating point, which does not overflow: each factor is below 2^31.
  const auto real = [](int64_t value) { return static_cast<double>(value); };
  const double matrices = real(hidden_size) * (real(head_dim) * 2 * (real(heads) + real(kv_heads)) +
                                               3 * real(intermediate_size));
  require(
      real(layers) * matrices + 2 * real(vocab_size) * real(hidden_size) <= real(kMostParameters),
      "its sides make more than 2^50 parameters");
}

int64_t ModelConfig::matmul_parameters() const {
  const int64_t attention = hidden_size * head_dim * (2 * heads + 2 * kv_heads);
  const int64_t feed_forward = 3 * hidden_size * intermediate_size;
  const int64_t outputs =
      (head == HeadKind::kLanguage ? vocab_size : 0) + (has_score_weight() ? score_heads : 0);
  return layers * (attention + feed_forward) + outputs * hidden_size;
}

int64_t ModelConfig::parameters() const {
  const bool look_up_is_head = head == HeadKind::kLanguage && tie_word_embeddings;
  const int64_t biases = qkv_bias() ? layers * head_dim * (heads + 2 * kv_heads) : 0;
  const int64_t head_norms = qk_norm() ? layers * 2 * head_dim : 0;
  return matmul_parameters() + (look_up_is_head ? 0 : vocab_size * hidden_size) +
         (2 * layers + 1) * hidden_size + biases + head_norms;
}

double ModelConfig::flops_per_token(double mean_keys) const {
  return 6.0 * static_cast<double>(matmul_parameters()) +
         12.0 * static_cast<double>(layers * heads * head_dim) * mean_keys;
}

std::string config_to_json(const ModelConfig& c) {
  const bool score = c.head == HeadKind::kScore;
  json j = {
      {"architectures", {class_name(c.family, c.head)}},
      {"model_type", family_name(c.family)},
      {"hidden_size", c.hidden_size},
      {"intermediate_size", c.intermediate_size},
      {"num_hidden_layers", c.layers},
      {"num_attention_heads", c.heads},
      {"num_key_value_heads", c.kv_heads},
      {"head_dim", c.head_dim},
      {"vocab_size", c.vocab_size},
      {"max_position_embeddings", c.max_position_embeddings},
      {"rms_norm_eps", c.rms_norm_eps},
      {"rope_theta", c.rope_theta},
      {"rope_parameters", rope_json(c)},
      {"tie_word_embeddings", c.tie_word_embeddings},
      {"initializer_range", c.initializer_range},
      {"hidden_act", "silu"},
      {"attention_dropout", 0.0},
      {"use_cache", true},
      {"torch_dtype", "float32"},
      {"dtype", "float32"},
      {"bos_token_id", token_id(c.bos_token_id)},
      {"eos_token_id", token_id(c.eos_token_id)},
      {"pad_token_id", token_id(c.pad_token_id)},
  };
  if (c.rope_scaling) j["rope_scaling"] = rope_json(c);
  if (c.family == Family::kLlama) j["mlp_bias"] = false;
  if (c.family == Family::kQwen2)
    j["use_sliding_window"] = false;
  else
    j["attention_bias"] = false;
  if (score) {
    j["num_labels"] = 1;
    j["id2label"] = {{"0", "LABEL_0"}};
    j["label2id"] = {{"LABEL_0", 0}};
    j["problem_type"] = "regression";
  }
  return j.dump(2) + "\n";
}

ModelConfig config_from_json(const std::string& json_text, const std::string& where) try {
  const json j = text::parse_json<json>(json_text);
  if (!j.is_object()) refuse(where, "it is not a JSON object");
  require_value(j, "hidden_act", "silu", where);
  require_value(j, "attention_bias", false, where);
  require_value(j, "mlp_bias", false, where);
  require_value(j, "use_sliding_window", false, where);
  require_value(j, "num_labels", 1, where);
  require_value(j, "partial_rotary_factor", 1, where);
  if (j.contains("quantization_config") && !j["quantization_config"].is_null())
    refuse(where,
           "'quantization_config' says that the weights are quantized, in a way that is not "
           "supported; take the model's float32, bf16 or f16 weights, or a GGUF file");
  ModelConfig c;
  c.family = parse_family(j.value("model_type", std::string("llama")));
  c.hidden_size = required_number(j, "hidden_size");
  c.intermediate_size = required_number(j, "intermediate_size");
  c.layers = required_number(j, "num_hidden_layers");
  c.heads = required_number(j, "num_attention_heads");
  c.kv_heads = whole_number(j, "num_key_value_heads", c.heads);
  c.head_dim = j.contains("head_dim") && !j["head_dim"].is_null()
                   ? whole_number<int64_t>(j["head_dim"])
               : c.heads > 0 ? c.hidden_size / c.heads
                             : 0;
  c.vocab_size = required_number(j, "vocab_size");
  c.max_position_embeddings = whole_number(j, "max_position_embeddings", int64_t{2048});
  c.rms_norm_eps = j.value("rms_norm_eps", 1e-6);
  read_rope(j, where, c);
  c.tie_word_embeddings = j.value("tie_word_embeddings", false);
  c.initializer_range = j.value("initializer_range", 0.02);
  c.bos_token_id = read_token_id(j, "bos_token_id");
  c.eos_token_id = read_token_id(j, "eos_token_id");
  c.pad_token_id = read_token_id(j, "pad_token_id");
  if (j.contains("architectures") && j["architectures"].is_array() && !j["architectures"].empty()) {
    const std::string name = j["architectures"][0].get<std::string>();
    if (name == class_name(c.family, HeadKind::kScore)) {
      c.head = HeadKind::kScore;
    } else if (name != class_name(c.family, HeadKind::kLanguage)) {
      refuse(where, "architecture '" + name + "' is not supported; use " +
                        class_name(c.family, HeadKind::kLanguage) + " or " +
                        class_name(c.family, HeadKind::kScore));
    }
  }
  c.validate();
  return c;
} catch (const json::exception& error) {
  refuse(where, plain(error));
} catch (const text::JsonError& error) {
  refuse(where, error.what());
} catch (const std::invalid_argument& error) {
  refuse(where, error.what());
}

ModelConfig read_config(const std::filesystem::path& model_dir) {
  const std::filesystem::path path = model_dir / "config.json";
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.string() + ": cannot open; is this a model folder?");
  std::ostringstream text;
  text << file.rdbuf();
  return config_from_json(text.str(), path.string());
}

void write_config(const ModelConfig& config, const std::filesystem::path& model_dir) {
  const std::filesystem::path path = model_dir / "config.json";
  std::ofstream file(path, std::ios::binary);
  file << config_to_json(config);
  if (!file.flush()) throw std::runtime_error(path.string() + ": cannot write");
}

}  // namespace lehr::lm
