#include "lm/peft_adapter.h"

#include <nlohmann/json.hpp>

#include "lm/checkpoint.h"
#include "lm/safetensors.h"

namespace lehr::lm {

void save_adapter(const std::filesystem::path& dir, const Model& model) {
  std::filesystem::create_directories(dir);
  const ParameterBuffer& adapter = model.trained();
  std::vector<TensorEntry> entries;
  std::vector<at::Tensor> held;
  const at::Tensor host = adapter.host_weights();
  const bool score = model.config().head == HeadKind::kScore;
  for (const ParameterSlot& slot : adapter.slots) {
    if (slot.name == "score.weight" && !score) continue;  // a value head is not the policy's
    held.push_back(ParameterBuffer::stored(host, slot));
    entries.push_back(tensor_entry("base_model.model." + slot.name, held.back()));
  }
  write_safetensors(dir / "adapter_model.safetensors", entries);

  const LoraOptions& options = model.adapter_options();
  nlohmann::json config = {
      {"peft_type", "LORA"},
      {"task_type", score ? "SEQ_CLS" : "CAUSAL_LM"},
      {"base_model_name_or_path", nullptr},
      {"r", *options.rank},
      {"lora_alpha", options.scale() * static_cast<double>(*options.rank)},
      {"lora_dropout", options.dropout},
      {"target_modules", options.targets},
      {"bias", "none"},
      {"fan_in_fan_out", false},
      {"use_rslora", false},
      {"init_lora_weights", true},
      {"inference_mode", true},
      {"modules_to_save", nullptr},
  };
  if (score) config["modules_to_save"] = {"score"};
  write_state(dir / "adapter_config.json", config);
}

}  // namespace lehr::lm
