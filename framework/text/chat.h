// Conversations as tokens, in the format of the tokenizer's chat template (chat_format.h; ChatML
// where it has none).
// Only render_* here writes special tokens: those that a user types stay text. What stands around
// CONTENT is tokenized by itself, so the ids of a prompt are always the beginning of the ids of the
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
  std::vector<std::uint8_t> trained;  // [T]: 1 for assistant content and the token that ends it
};

// Throws lehr::Error if the chat template is not a known one, if the tokenizer lacks a token of the
// format, or if a role is not a plain word or none of the format's.
ChatTokens render_chat(const Tokenizer& tokenizer, std::span<const Message> messages,
                       Tokenizer::Cache& cache);
// The same in another format than the tokenizer's own.
ChatTokens render_chat(const Tokenizer& tokenizer, const ChatFormat& format,
                       std::span<const Message> messages, Tokenizer::Cache& cache);
// [T]: the messages, then the head of the assistant's turn.
std::vector<TokenId> render_prompt(const Tokenizer& tokenizer, std::span<const Message> messages,
                                   Tokenizer::Cache& cache);
// The answer of a prompt as it would have been generated: content, then the end of the turn.
std::vector<TokenId> render_answer(const Tokenizer& tokenizer, std::string_view content,
                                   Tokenizer::Cache& cache);

}  // namespace lehr::text
