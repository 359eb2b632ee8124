// H heads, K key/value heads, D head width, C channels.
#include "lm/gguf_model.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <stdexcept>

#include "lm/gguf_config.h"
#include "lm/gguf_tokenizer.h"
#include "lm/model_folder.h"
#include "lm/model_weights.h"
#include "lm/safetensors.h"

namespace lehr::lm {
namespace {

constexpr int64_t kPieceValues = 1 << 18;  // read at once

struct NamePair {
  const char* hf;
  const char* gguf;
};
constexpr NamePair kWhole[] = {{"model.embed_tokens.weight", "token_embd.weight"},
                               {"model.norm.weight", "output_norm.weight"},
                               {"lm_head.weight", "output.weight"}};
constexpr NamePair kOfLayer[] = {
    {"input_layernorm", "attn_norm"},    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"}, {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"}, {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"}};

// "model.layers.3.mlp.up_proj.weight" -> "blk.3.ffn_up.weight"
std::string gguf_name(const std::string& hf) {
  for (const NamePair& pair : kWhole)
    if (hf == pair.hf) return pair.gguf;
  const std::string prefix = "model.layers.";
  const std::size_t dot = hf.find('.', prefix.size());
  const std::size_t last = hf.rfind('.');
  const std::string layer = hf.substr(prefix.size(), dot - prefix.size());
  const std::string part = hf.substr(dot + 1, last - dot - 1);
  for (const NamePair& pair : kOfLayer)
    if (part == pair.hf) return "blk." + layer + "." + pair.gguf + hf.substr(last);
  throw std::logic_error("no GGUF name for '" + hf + "'");
}

// How many heads the rows of a Llama matrix are to be put in another order for; 0: none.
int64_t rotated_heads(const ModelConfig& c, const std::string& hf) {
  if (c.family != Family::kLlama) return 0;
  if (hf.find("self_attn.q_proj") != std::string::npos) return c.heads;
  if (hf.find("self_attn.k_proj") != std::string::npos) return c.kv_heads;
  return 0;
}

// Row h*D + half*D/2 + i in HF is row h*D + 2*i + half in GGUF. values: [heads * D, width].
std::vector<float> reorder(const float* values, int64_t heads, int64_t head_dim, int64_t width,
                           bool to_gguf) {
  std::vector<float> out(static_cast<std::size_t>(heads * head_dim * width));
  for (int64_t h = 0; h < heads; ++h) {
    for (int64_t i = 0; i < head_dim; ++i) {
      const int64_t hf = h * head_dim + i % 2 * (head_dim / 2) + i / 2;
      const int64_t gguf = h * head_dim + i;
      const int64_t from = to_gguf ? hf : gguf, to = to_gguf ? gguf : hf;
      std::copy_n(values + from * width, width, out.data() + to * width);
    }
  }
  return out;
}

const GgufTensor& tensor_of(const GgufFile& file, const ParameterSlot& slot) {
  const std::string name = gguf_name(slot.name);
  const GgufTensor* tensor = file.find(name);
  if (tensor == nullptr)
    throw std::runtime_error(file.path().string() + ": no tensor '" + name + "'");
  if (tensor->shape != slot.shape)
    throw std::runtime_error(file.path().string() + ": tensor '" + name +
                             "' has not the shape its keys imply");
  return *tensor;
}

// Throws unless the file holds exactly such a model.
void check_fit(const GgufFile& file, const ModelConfig& config) {
  std::set<std::string> known = {kGgufRopeFactors};
  for (const ParameterSlot& slot : parameter_slots(config))
    known.insert(tensor_of(file, slot).name);
  for (const GgufTensor& tensor : file.tensors())
    if (!known.contains(tensor.name))
      throw std::runtime_error(file.path().string() + ": tensor '" + tensor.name +
                               "' has no place in a " + family_name(config.family) + " model");
}

// Hands out the slot's values in HF's order, some rows at a time: a head's where they change
// places.
void read_slot(const GgufFile& file, const ModelConfig& config, const ParameterSlot& slot,
               const std::function<void(const std::vector<float>& values)>& take) {
  const GgufTensor& tensor = tensor_of(file, slot);
  const int64_t heads = rotated_heads(config, slot.name), width = slot.shape.back();
  const int64_t most =
      heads > 0 ? slot.size / heads : std::max<int64_t>(1, kPieceValues / width) * width;
  std::vector<float> values;
  for (int64_t begin = 0; begin < slot.size; begin += most) {
    const int64_t count = std::min(most, slot.size - begin);
    values.resize(static_cast<std::size_t>(count));
    const int64_t blocks = begin / ggml_block_size(tensor.type);  // rows are whole blocks
    dequantize(tensor.type, tensor.data + blocks * ggml_block_bytes(tensor.type), values.data(),
               count);
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); }))
      throw std::runtime_error(file.path().string() + ": tensor '" + tensor.name +
                               "' holds values that are not finite");
    if (heads > 0) values = reorder(values.data(), 1, config.head_dim, width, false);
    take(values);
  }
}

}  // namespace

Model load_gguf_model(const GgufFile& file, Precision precision) {
  const ModelConfig config = gguf_config(file);
  check_fit(file, config);  // before there is room for them: keys may claim any size
  Model model = Model::blank(config, precision);
  model.fill([&](const ParameterSlot& slot, float* to) {
    read_slot(file, config, slot, [&](const std::vector<float>& values) {
      to = std::copy(values.begin(), values.end(), to);
    });
  });
  return model;
}

ModelConfig unpack_gguf_model(const GgufFile& file, const std::filesystem::path& model_folder) {
  const ModelConfig config = gguf_config(file);
  check_fit(file, config);
  const std::vector<ParameterSlot> slots = parameter_slots(config);
  std::vector<TensorEntry> entries;
  for (const ParameterSlot& slot : slots)
    entries.push_back({slot.name, DType::kF32, slot.shape, nullptr,
                       static_cast<std::size_t>(slot.size) * sizeof(float)});
  write_config(config, model_folder);
  auto slot = slots.begin();
  write_safetensors(
      model_folder / "model.safetensors", entries, {}, [&](const TensorEntry&, const auto& write) {
        read_slot(file, config, *slot++, [&](const std::vector<float>& values) {
          write(reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float));
        });
      });
  return config;
}

namespace {

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error(path.string() + ": cannot be read");
  return text.str();
}

GgufMetadata model_keys(const ModelConfig& c, const std::string& name, GgmlType type) {
  const std::string architecture = family_name(c.family);
  // llama.cpp's file types, of which only the quantized matrices matter.
  const int64_t file_type = type == GgmlType::kF32    ? 0
                            : type == GgmlType::kF16  ? 1
                            : type == GgmlType::kQ8_0 ? 7
                                                      : 32;
  GgufMetadata keys = {{"general.architecture", architecture},
                       {"general.type", std::string("model")},
                       {"general.name", name},
                       {"general.file_type", file_type},
                       {"general.quantization_version", int64_t{2}}};
  const auto add = [&](const char* key, GgufValue value) {
    keys.emplace_back(architecture + "." + key, std::move(value));
  };
  add("context_length", c.max_position_embeddings);
  add("embedding_length", c.hidden_size);
  add("block_count", c.layers);
  add("feed_forward_length", c.intermediate_size);
  add("attention.head_count", c.heads);
  add("attention.head_count_kv", c.kv_heads);
  add("attention.key_length", c.head_dim);
  add("attention.value_length", c.head_dim);
  add("attention.layer_norm_rms_epsilon", c.rms_norm_eps);
  add("rope.dimension_count", c.head_dim);
  add("rope.freq_base", c.rope_theta);
  add("vocab_size", c.vocab_size);
  const std::pair<const char*, int64_t> special[] = {{"bos_token_id", c.bos_token_id},
                                                     {"eos_token_id", c.eos_token_id},
                                                     {"padding_token_id", c.pad_token_id}};
  for (const auto& [key, id] : special)
    if (id >= 0) keys.emplace_back(std::string("tokenizer.ggml.") + key, id);
  return keys;
}

GgmlType stored_type(const ParameterSlot& slot, GgmlType wanted) {
  if (slot.shape.size() == 1) return GgmlType::kF32;
  return slot.shape.back() % ggml_block_size(wanted) == 0 ? wanted : GgmlType::kF16;
}

std::vector<float> rope_factors(ModelConfig config) {
  std::vector<float> scaled = config.rope_frequencies();
  config.rope_scaling.reset();
  const std::vector<float> plain = config.rope_frequencies();
  for (std::size_t i = 0; i < plain.size(); ++i) scaled[i] = plain[i] / scaled[i];
  return scaled;
}

}  // namespace

void save_gguf(const std::filesystem::path& path, const std::filesystem::path& model_folder,
               const std::string& name, GgmlType type) {
  ModelConfig config = read_config(model_folder);
  if (config.head != HeadKind::kLanguage)
    throw std::runtime_error(model_folder.string() + ": a reward model has no form in GGUF");
  const ModelWeights weights(model_folder);
  weights.check_fit(config);
  const text::TokenizerSpec tokenizer =
      text::parse_tokenizer_json(file_text(model_folder / "tokenizer.json"));
  GgufMetadata keys = model_keys(config, name, type);
  for (auto& entry : gguf_tokenizer_keys(tokenizer, config.vocab_size))
    keys.push_back(std::move(entry));
  if (const std::string jinja = chat_template(model_folder); !jinja.empty())
    keys.emplace_back("tokenizer.chat_template", jinja);

  const std::vector<ParameterSlot> slots = parameter_slots(config);
  std::vector<GgufTensor> tensors;
  for (const ParameterSlot& slot : slots)
    tensors.push_back({gguf_name(slot.name), stored_type(slot, type), slot.shape});
  if (config.rope_scaling)
    tensors.push_back({kGgufRopeFactors, GgmlType::kF32, {config.head_dim / 2}});
  std::vector<float> values;
  write_gguf(path, keys, tensors, [&](std::size_t i, std::byte* to) {
    if (i == slots.size()) {
      values = rope_factors(config);
    } else {
      values.resize(static_cast<std::size_t>(slots[i].size));
      weights.read(slots[i].name, values.data());
      if (const int64_t heads = rotated_heads(config, slots[i].name))
        values =
            reorder(values.data(), heads, config.head_dim, slots[i].size / slots[i].shape[0], true);
    }
    quantize(tensors[i].type, values.data(), to, static_cast<int64_t>(values.size()));
  });
}

}  // namespace lehr::lm
