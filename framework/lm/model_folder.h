// A `model` artifact: the Hugging Face folder that transformers loads as it is. config.json and
// model.safetensors, the tokenizer's files with the chat template, and generation_config.json.
#pragma once

#include <filesystem>

#include "lm/model.h"
#include "text/tokenizer.h"

namespace lehr::lm {

// Writes all files into the existing folder `dir`; an adapter is merged, and by itself in adapter/.
// Generation stops at end-of-turn and end-of-text.
void save_model_folder(const std::filesystem::path& dir, const Model& model,
                       const text::Tokenizer& tokenizer);

// generation_config.json alone.
void write_generation_config(const std::filesystem::path& dir, const text::Tokenizer& tokenizer);

}  // namespace lehr::lm
