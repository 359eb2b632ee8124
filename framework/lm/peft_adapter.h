// A low-rank adapter in PEFT's files: adapter_config.json and adapter_model.safetensors, for
// PeftModel.from_pretrained over the model that training started from.
#pragma once

#include <filesystem>

#include "lm/model.h"

namespace lehr::lm {

// Makes `dir`. The model must have an adapter.
void save_adapter(const std::filesystem::path& dir, const Model& model);

}  // namespace lehr::lm
