// The shape of the model in a GGUF file, from its keys.
#pragma once

#include "lm/config.h"
#include "lm/gguf.h"

namespace lehr::lm {

// The factors by which llama.cpp divides rope frequencies [D/2], where a file scales them.
inline constexpr const char* kGgufRopeFactors = "rope_freqs.weight";

// Throws std::runtime_error naming the file and what of it is missing or not supported. Whether the
// tensors are there is not looked at.
ModelConfig gguf_config(const GgufFile& file);

}  // namespace lehr::lm
