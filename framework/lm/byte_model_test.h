// What tests of stages begin with: a tokenizer of bytes that can chat, and a model for it.
#pragma once

#include "lm/model.h"
#include "text/bpe_trainer.h"
#include "text/chat.h"
#include "text/tokenizer.h"

namespace lehr::lm {

inline text::Tokenizer byte_tokenizer() {
  text::BpeOptions bytes;
  bytes.special_tokens = text::chat_special_tokens();
  bytes.vocab_size = 256 + bytes.special_tokens.size();
  return text::Tokenizer(text::train_bpe({}, text::Pattern::gpt2, bytes));
}

inline ModelConfig byte_model(const text::Tokenizer& tokenizer, std::int64_t context) {
  ModelConfig config;
  config.hidden_size = 16;
  config.intermediate_size = 32;
  config.layers = 1;
  config.heads = config.kv_heads = 2;
  config.head_dim = 8;
  config.vocab_size = static_cast<std::int64_t>(tokenizer.vocab_size());
  config.max_position_embeddings = context;
  return config;
}

}  // namespace lehr::lm
