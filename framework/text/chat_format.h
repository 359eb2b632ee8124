// How a model wants conversations written, as the chat template among its tokenizer's files says. A
// template is a program in Jinja, which is not run here: those of the supported families are known
// by their text (a digest, the default system message left out), and what each of them writes for
// messages of text stands in a ChatFormat. tests/oracle/chat_oracle.py holds every one to what
// transformers makes of the template itself.
//
// HEAD role HEAD_END AFTER_HEAD content END AFTER_END     for each message
// HEAD assistant HEAD_END AFTER_HEAD                      to ask for an answer
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lehr::text {

enum class ChatFamily { chatml, qwen2_5, qwen3, qwen3_instruct, llama3, llama3_1 };

struct ChatFormat {
  std::string name = "ChatML";
  std::string begin;                  // special token before the first message; or empty
  std::string head = "<|im_start|>";  // special token
  std::string head_end;               // special token, or empty
  std::string after_head = "\n";      // text
  std::string end = "<|im_end|>";     // special token
  std::string after_end = "\n";       // text
  std::optional<std::string> system;  // said where the first message is not the system's
  std::string system_begin;           // what the system's message begins with: then always there
  bool only_known_roles = false;      // system, user, assistant, tool: others would vanish
  bool trims = false;                 // content without white space at its ends
  bool thinks = false;                // Qwen3's <think> before the last answers
  enum class ToolResults { as_messages, in_users_turn, as_json_of_ipython };
  ToolResults tool_results = ToolResults::as_messages;
};

// Our own template, for transformers: ChatML with {% generation %} around what is trained.
std::string_view chat_template_jinja();

// begin: the tokenizer's token that begins a text, which some formats write before all else.
ChatFormat chat_format_of(ChatFamily family, std::string_view begin);

// jinja: the text of a template. Nothing where it is not known.
std::optional<ChatFormat> known_chat_format(std::string_view jinja, std::string_view begin);

// The digest that known_chat_format() looks up.
std::string chat_template_digest(std::string_view jinja);

}  // namespace lehr::text
