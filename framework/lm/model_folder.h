// A `model` artifact: the Hugging Face folder that transformers loads as it is. config.json and
// model.safetensors, the tokenizer's files with the chat template, and generation_config.json.
#pragma once

#include <filesystem>
#include <string>

#include "lm/model.h"
#include "text/tokenizer.h"

namespace lehr::lm {

// Writes all files into the existing folder `dir`; an adapter is merged, and by itself in adapter/.
// Generation stops at end-of-turn and end-of-text.
void save_model_folder(const std::filesystem::path& dir, const Model& model,
                       const text::Tokenizer& tokenizer);

// The tokenizer of a model of this family as transformers is to read it: see kTokenizerCodeFile.
void name_tokenizer_code(const std::filesystem::path& dir, Family family);

// generation_config.json alone.
void write_generation_config(const std::filesystem::path& dir, const text::Tokenizer& tokenizer);

// The chat template in Jinja: chat_template.jinja, or where older folders keep it,
// tokenizer_config.json, which may hold several by name. Empty: there is none.
std::string chat_template(const std::filesystem::path& dir);

}  // namespace lehr::lm
