// Hugging Face's tokenizer.json: what we understand of it, and how we write it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe_trainer.h"

namespace lehr::text {

struct TokenizerSpec {
  Pretokenizer pretokenizer = Pattern::gpt2;
  bool nfc = false;               // the text is normalized to NFC first
  bool add_prefix_space = false;  // a piece of text that begins with no space gets one
  bool ignore_merges = false;
  std::optional<TokenId> unknown;  // stands for bytes that have no token; else they are left out
  bool fuse_unknown = false;       // one for all in a row
  Merging merging = Merging::merge_list;  // not in tokenizer.json, which has no word for it
  std::vector<std::string> tokens;        // bytes by id; empty for unused ids and special tokens
  std::vector<std::pair<TokenId, TokenId>> merges;
  std::vector<AddedToken> added;
  // For tokenizer_config.json and chat_template.jinja beside it, from files that hold all in one.
  std::string begin_of_text;                 // written; empty: none
  std::optional<std::string> chat_template;  // empty: there is none; nothing: Lehr's own
  // What Hugging Face's encode does with a text besides, as "begins every text with <s>".
  std::vector<std::string> passed_over;

  // One more than the largest id.
  TokenId end() const;
  bool has_special(std::string_view content) const;
  // Throws lehr::Error if the id is another token's.
  void add_special(const std::string& content, TokenId id);
};

// Throws lehr::Error that says what of the file is not supported.
TokenizerSpec parse_tokenizer_json(std::string_view json);
std::string tokenizer_json(const TokenizerSpec& spec);
// tokenizer_config.json for transformers; end-of-text is eos_token.
std::string tokenizer_config_json(const TokenizerSpec& spec);
// transformers 5 reads the tokenizer of every qwen2 model by a class of its own that cuts text as
// Qwen2 does, whatever tokenizer.json says, unless tokenizer_config.json names code in the folder:
// then tokenizer.json is taken as it is. It is run with trust_remote_code only, and says the same.
inline constexpr const char* kTokenizerCodeFile = "lehr_tokenizer.py";
std::string_view tokenizer_code();
// The tokenizer_config.json that names it; as it is where it names a class that is not the general
// one, or code of others.
std::string with_tokenizer_code(std::string_view tokenizer_config);
// The file with `spec`'s added tokens in place of its own, else as it is.
std::string with_added_tokens(std::string_view tokenizer_json, const TokenizerSpec& spec);
Merging merging_of(std::string_view tokenizer_config);

}  // namespace lehr::text
