// Conversations as tokens, in ChatML:
//   <|im_start|>ROLE\nCONTENT<|im_end|>\n     for each message
//   <|im_start|>assistant\n                   to ask for an answer
// Only render_* here writes special tokens: those that a user types stay text. "ROLE\n" and CONTENT
// are tokenized separately, so the ids of a prompt are always the beginning of the ids of the
// conversation that answers it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/chat_rows.h"
#include "text/tokenizer.h"

namespace lehr::text {

struct ChatTokens {
  std::vector<TokenId> ids;           // [T]
  std::vector<std::uint8_t> trained;  // [T]: 1 for assistant content and its <|im_end|>
};

// Throws lehr::Error if the tokenizer has no <|im_start|> or <|im_end|>, or if a role holds
// anything but letters, digits, '_' and '-'.
ChatTokens render_chat(const Tokenizer& tokenizer, std::span<const Message> messages,
                       Tokenizer::Cache& cache);
// [T]: the messages, then the head of the assistant's turn.
std::vector<TokenId> render_prompt(const Tokenizer& tokenizer, std::span<const Message> messages,
                                   Tokenizer::Cache& cache);
// The answer of a prompt as it would have been generated: content, then <|im_end|>.
std::vector<TokenId> render_answer(const Tokenizer& tokenizer, std::string_view content,
                                   Tokenizer::Cache& cache);

// The same rendering for transformers, with {% generation %} around what is trained.
std::string_view chat_template_jinja();

}  // namespace lehr::text
