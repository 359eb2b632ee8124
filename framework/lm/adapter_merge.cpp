#include "lm/adapter_merge.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lm/checkpoint.h"
#include "lm/finite.h"
#include "lm/model_weights.h"
#include "lm/parameters.h"

namespace lehr::lm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Of PEFT's keys those that change nothing in what the tensors of its file mean. Any other must be
// off: what a later PEFT adds is not merged as if it were not there.
const std::set<std::string> kHarmless = {"auto_mapping",        "base_model_name_or_path",
                                         "eva_config",          "exclude_modules",
                                         "inference_mode",      "layers_pattern",
                                         "layers_to_transform", "lora_dropout",
                                         "megatron_core",       "peft_version",
                                         "qalora_group_size",   "revision",
                                         "runtime_config",      "target_modules"};

bool is_off(const json& value) {
  return value.is_null() || value == false || value == "" ||
         (value.is_structured() && value.empty());
}

// What B A is multiplied with, and the rank.
struct Scale {
  double factor = 1;
  int64_t rank = 0;
};

Scale read_scale(const fs::path& file) {
  const json config = read_state(file);
  const auto refuse = [&](const std::string& key, const json& value) {
    throw std::runtime_error(file.string() + ": '" + key + ": " + value.dump() +
                             "' is not supported, only LoRA on weights of products. PEFT can merge "
                             "it: import what merge_and_unload() gives");
  };
  if (!config.is_object()) throw std::runtime_error(file.string() + ": is no JSON object");
  const std::map<std::string, std::set<json>> known = {
      {"peft_type", {"LORA"}},
      {"task_type", {"CAUSAL_LM", nullptr}},
      {"bias", {"none"}},
      // Others change the weights of the model itself before training.
      {"init_lora_weights", {true, false, "gaussian", "orthogonal", "eva"}},
      {"use_rslora", {true, false}}};
  for (const auto& [key, value] : config.items()) {
    if (key == "r" || key == "lora_alpha" || kHarmless.contains(key)) continue;
    const auto values = known.find(key);
    if (values != known.end() ? !values->second.contains(value) : !is_off(value))
      refuse(key, value);
  }
  if (!config.contains("peft_type")) refuse("peft_type", nullptr);
  const json rank = config.value("r", json()), alpha = config.value("lora_alpha", json());
  if (!rank.is_number_integer() || rank.get<int64_t>() < 1) refuse("r", rank);
  if (!alpha.is_number()) refuse("lora_alpha", alpha);
  const auto r = rank.get<double>();
  const bool rank_stabilized = config.value("use_rslora", false);
  return {alpha.get<double>() / (rank_stabilized ? std::sqrt(r) : r), rank.get<int64_t>()};
}

// The two factors of a weight.
struct Factors {
  const TensorEntry* a = nullptr;  // [r, in]
  const TensorEntry* b = nullptr;  // [out, r]
};

// By the name of the weight: "base_model.model.<module>.lora_A.weight" -> "<module>.weight".
std::map<std::string, Factors> read_factors(const SafetensorsFile& file) {
  constexpr std::string_view kPrefix = "base_model.model.", kA = ".lora_A.weight",
                             kB = ".lora_B.weight";
  std::map<std::string, Factors> factors;
  for (const TensorEntry& entry : file.entries()) {
    const std::string_view name = entry.name;
    if (!name.starts_with(kPrefix) || !(name.ends_with(kA) || name.ends_with(kB)))
      throw std::runtime_error(file.path().string() + ": tensor '" + entry.name +
                               "' is no factor of a LoRA");
    const std::string_view module =
        name.substr(kPrefix.size(), name.size() - kPrefix.size() - kA.size());
    Factors& of = factors[std::string(module) + ".weight"];
    (name.ends_with(kA) ? of.a : of.b) = &entry;
  }
  if (factors.empty()) throw std::runtime_error(file.path().string() + ": holds no tensor");
  return factors;
}

void check(const SafetensorsFile& file, const std::string& name, const Factors& of, int64_t rank,
           const std::vector<ParameterSlot>& slots) {
  const auto fail = [&](const std::string& why) {
    throw std::runtime_error(file.path().string() + ": what it holds of '" + name + "' " + why);
  };
  if (of.a == nullptr || of.b == nullptr) fail("is one factor, and the other is missing");
  const auto slot = std::find_if(slots.begin(), slots.end(),
                                 [&](const ParameterSlot& s) { return s.name == name; });
  if (slot == slots.end() || slot->shape.size() != 2)
    fail("has no place in the model: was the adapter trained over another one?");
  if (of.a->shape != std::vector<int64_t>{rank, slot->shape[1]} ||
      of.b->shape != std::vector<int64_t>{slot->shape[0], rank})
    fail("does not have the shape of that weight and rank " + std::to_string(rank) +
         ": was the adapter trained over another model?");
  for (const TensorEntry* factor : {of.a, of.b}) {
    if (!is_float(factor->dtype)) fail("has dtype " + dtype_name(factor->dtype));
    check_finite(file, *factor);
  }
}

at::Tensor values_of(const TensorEntry& entry) {
  at::Tensor out = at::empty(entry.shape, at::kFloat);
  to_float(entry, out.data_ptr<float>());
  return out;
}

}  // namespace

void merge_peft_adapter(const fs::path& model_dir, const fs::path& adapter_dir) {
  const Scale scale = read_scale(adapter_dir / "adapter_config.json");
  const SafetensorsFile file(adapter_dir / "adapter_model.safetensors");
  const std::map<std::string, Factors> factors = read_factors(file);
  const std::vector<ParameterSlot> slots = parameter_slots(read_config(model_dir));
  for (const auto& [name, of] : factors) check(file, name, of, scale.rank, slots);

  const ModelWeights weights(model_dir);
  std::vector<TensorEntry> entries = weights.entries();
  for (TensorEntry& entry : entries)
    if (factors.contains(entry.name)) {
      entry.dtype = DType::kF32;
      entry.bytes = static_cast<size_t>(entry.elements()) * sizeof(float);
    }
  write_safetensors(model_dir / "model.safetensors", entries, {},
                    [&](const TensorEntry& entry, const auto& write) {
                      const auto found = factors.find(entry.name);
                      if (found == factors.end()) return write(entry.data, entry.bytes);
                      const at::Tensor merged =
                          at::addmm(values_of(weights.at(entry.name)), values_of(*found->second.b),
                                    values_of(*found->second.a), 1, scale.factor);
                      write(static_cast<const std::byte*>(merged.const_data_ptr()),
                            merged.nbytes());
                    });
}

}  // namespace lehr::lm
