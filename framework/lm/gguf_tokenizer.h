// Byte-level BPE tokenizers in GGUF's metadata (tokenizer.ggml.*, model "gpt2"), and the chat
// template there.
#pragma once

#include <filesystem>

#include "lm/gguf.h"
#include "text/tokenizer_json.h"

namespace lehr::lm {

// Throws std::runtime_error naming the file and what of it is missing or not supported.
text::TokenizerSpec gguf_tokenizer(const GgufFile& file);

// The keys for a tokenizer with ids below vocab_size. Throws std::runtime_error where GGUF has no
// name for its pre-tokenizer.
GgufMetadata gguf_tokenizer_keys(const text::TokenizerSpec& spec, int64_t vocab_size);

}  // namespace lehr::lm
