// Hugging Face's tokenizer.json: what we understand of it, and how we write it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe_trainer.h"

namespace lehr::text {

struct TokenizerSpec {
  Pattern pattern = Pattern::gpt2;
  bool nfc = false;               // the text is normalized to NFC first
  bool add_prefix_space = false;  // a piece of text that begins with no space gets one
  bool ignore_merges = false;
  std::vector<std::string> tokens;  // bytes by id; empty for unused ids and special tokens
  std::vector<std::pair<TokenId, TokenId>> merges;
  std::vector<AddedToken> added;
};

// Throws lehr::Error that says what of the file is not supported.
TokenizerSpec parse_tokenizer_json(std::string_view json);
std::string tokenizer_json(const TokenizerSpec& spec);
// tokenizer_config.json for transformers; end-of-text is eos_token.
std::string tokenizer_config_json(const TokenizerSpec& spec);

}  // namespace lehr::text
