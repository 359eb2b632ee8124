// Models of Lehr's families in GGUF: llama.cpp's names and keys against Hugging Face's. Rows of q
// and k lie in the order of adjacent rotation pairs in Llama files, half by half everywhere else.
#pragma once

#include <filesystem>

#include "lm/gguf.h"
#include "lm/model.h"

namespace lehr::lm {

// Quantized weights become float32. Throws std::runtime_error naming the file and what of it is
// missing or not supported.
Model load_gguf_model(const GgufFile& file, Precision precision = default_precision());

// What load_gguf_model(file, Precision::kFp32).save(model_folder) writes, with a few rows in memory
// at a time.
ModelConfig unpack_gguf_model(const GgufFile& file, const std::filesystem::path& model_folder);

// The model in `model_folder` (see save_model_folder) with its tokenizer and chat template.
// Matrices get `type` (F32, F16, BF16 or Q8_0), or F16 where rows are no whole blocks; norms and
// biases stay F32. One matrix is converted at a time. Throws std::runtime_error for a reward model
// or a tokenizer that GGUF has no name for.
void save_gguf(const std::filesystem::path& path, const std::filesystem::path& model_folder,
               const std::string& name, GgmlType type);

}  // namespace lehr::lm
