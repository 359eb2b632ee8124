// Conversations as tokens, in ChatML:
//   <|im_start|>ROLE\nCONTENT<|im_end|>\n     for each message
//   <|im_start|>assistant\n                   to ask for an answer
// Only render_* here writes special tokens: those that a user types stay text. "ROLE\n" and CONTENT
// are tokenized separately, so the ids of a prompt are always the beginning of the ids of the
// conversation that answers it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace lehr::text {

struct Message {
  std::string role;  // "system", "user", "assistant", or another word
  std::string content;
  bool operator==(const Message&) const = default;
};

// Reads a JSON array [{"role","content"}, ...]. Throws std::runtime_error that says what is wrong.
std::vector<Message> parse_messages(std::string_view json);
// Reads member `key` of one JSONL line, e.g. "messages" of a conversation, "prompt" of a
// preference.
std::vector<Message> parse_messages(std::string_view json_line, std::string_view key);
// The array as one line of JSON; invalid UTF-8 becomes U+FFFD.
std::string messages_json(std::span<const Message> messages);

struct ChatTokens {
  std::vector<TokenId> ids;           // [T]
  std::vector<std::uint8_t> trained;  // [T]: 1 for assistant content and its <|im_end|>
};

// Throws std::runtime_error if the tokenizer has no <|im_start|> or <|im_end|>, or if a role holds
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
