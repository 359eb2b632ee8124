// An adapter that PEFT trained elsewhere (LoRA: adapter_config.json, adapter_model.safetensors),
// put into the weights of the model that it was trained over.
#pragma once

#include <filesystem>

namespace lehr::lm {

// Weights become W + scale * B A in float32; the others stay as they are. A tensor at a time is in
// memory. model_dir: see ModelWeights; its model.safetensors is written anew. Throws
// std::runtime_error naming file and key or tensor for an adapter of another kind, of another
// model, or one that changes more than products (biases, whole modules, DoRA's magnitudes, ...).
void merge_peft_adapter(const std::filesystem::path& model_dir,
                        const std::filesystem::path& adapter_dir);

}  // namespace lehr::lm
