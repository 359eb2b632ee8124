// Everything a training run needs to go on with the same bits: float32 weights, both moments, and
// JSON. One folder per model: model.safetensors, optimizer.safetensors (exp_avg.<name>,
// exp_avg_sq.<name>). Tokenizer and config are not kept: the stage makes them again from its
// inputs.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "lm/model.h"
#include "lm/optimizer.h"

namespace lehr::lm {

// Creates dir where needed and writes the files durably. optimizer may be null (frozen or
// best-so-far weights).
void save_checkpoint(const std::filesystem::path& dir, const ParameterBuffer& parameters,
                     const AdamW* optimizer);

// Fills weights (and the compute copy), moments and update count. Throws std::runtime_error naming
// the file where a tensor is missing or has another shape.
void load_checkpoint(const std::filesystem::path& dir, ParameterBuffer& parameters,
                     AdamW* optimizer);

// A JSON file written whole; read back with an error that names the file.
void write_state(const std::filesystem::path& file, const nlohmann::json& state);
nlohmann::json read_state(const std::filesystem::path& file);

}  // namespace lehr::lm
