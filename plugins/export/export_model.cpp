#include "export_model.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "lm/checkpoint.h"
#include "lm/gguf_model.h"
#include "lm/model.h"
#include "lm/model_weights.h"

namespace lehr::plugins::export_model {
namespace {

namespace fs = std::filesystem;

// Choices of a parameter, safetensors and GGUF: the same numbers under three names.
struct NumberType {
  const char* name;
  const char* torch_name;
  lm::DType safetensors;
  lm::GgmlType ggml;
};
constexpr NumberType kHfTypes[] = {{"f32", "float32", lm::DType::kF32, lm::GgmlType::kF32},
                                   {"bf16", "bfloat16", lm::DType::kBF16, lm::GgmlType::kBF16},
                                   {"f16", "float16", lm::DType::kF16, lm::GgmlType::kF16}};

const NumberType& number_type(const std::string& name) {
  for (const NumberType& type : kHfTypes)
    if (name == type.name) return type;
  throw Error("unknown dtype '" + name + "'");
}

lm::GgmlType ggml_type(const std::string& name) {
  return name == "q8_0" ? lm::GgmlType::kQ8_0 : number_type(name).ggml;
}

// All of the folder but the weights and what says their type.
void copy_other_files(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const std::string name = entry.path().filename().string();
    if (name == "artifact.json" || name == "config.json" || name.starts_with("model.safetensors"))
      continue;
    if (entry.is_regular_file()) fs::copy_file(entry.path(), to / name);
  }
}

}  // namespace

void ExportHf::describe(Description& d) {
  d.summary("writes a model as a Hugging Face folder in a number type of choice");
  d.input("model", "model").facet("tokenizer", "T").facet("role", "R");
  d.output("model", "model").facet("tokenizer", "T").facet("role", "R");
  d.choice("dtype", dtype_, {"bf16", "f16", "f32"}).help("of the weights");
}

void ExportHf::run(Context& context) {
  const fs::path from = context.input("model").path, to = context.output("model");
  const NumberType& type = number_type(dtype_);
  const lm::ModelWeights weights(from);
  const lm::ModelConfig config = lm::read_config(from);
  weights.check_fit(config);
  std::vector<lm::TensorEntry> entries;
  for (const lm::ParameterSlot& slot : lm::parameter_slots(config))
    entries.push_back({slot.name, type.safetensors, slot.shape, nullptr,
                       static_cast<std::size_t>(slot.size) * lm::dtype_bytes(type.safetensors)});
  std::vector<float> values;  // of one tensor: a model may be larger than the memory
  std::vector<std::byte> data;
  lm::write_safetensors(to / "model.safetensors", entries, {},
                        [&](const lm::TensorEntry& entry, const auto& write) {
                          values.resize(static_cast<std::size_t>(entry.elements()));
                          data.resize(entry.bytes);
                          weights.read(entry.name, values.data());
                          lm::quantize(type.ggml, values.data(), data.data(), entry.elements());
                          write(data.data(), data.size());
                        });
  nlohmann::json json = lm::read_state(from / "config.json");
  json["dtype"] = json["torch_dtype"] = type.torch_name;
  lm::write_state(to / "config.json", json);
  copy_other_files(from, to);
}

void ExportGguf::describe(Description& d) {
  d.summary("writes a model as one GGUF file, model.gguf, for llama.cpp");
  d.input("model", "model");
  d.output("gguf", "gguf");
  d.choice("type", type_, {"f16", "bf16", "q8_0", "f32"})
      .help("of the matrices; norms and biases stay f32");
  d.text("name", name_).help("general.name in the file");
}

void ExportGguf::run(Context& context) {
  const fs::path to = context.output("gguf") / "model.gguf";
  lm::save_gguf(to, context.input("model").path, name_, ggml_type(type_));
  context.result("bytes", static_cast<double>(fs::file_size(to)));
}

}  // namespace lehr::plugins::export_model
