#include "text/chat.h"

#include <algorithm>
#include <cctype>

#include <lehr/value.h>

#include "text/chat_format.h"
#include "text/unicode_class.h"

namespace lehr::text {
namespace {

// As Python's str.strip().
std::string_view stripped(std::string_view text) {
  std::size_t begin = text.size(), end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Char c = char_at(text, at);
    const bool separator = text[at] >= 0x1c && text[at] <= 0x1f;  // white space to Python
    if (!(c.flags & kSpace) && !separator) {
      begin = std::min(begin, at);
      end = at + c.length;
    }
    at += c.length;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

std::string_view without_newlines(std::string_view text, bool front, bool back) {
  while (front && text.starts_with('\n')) text.remove_prefix(1);
  while (back && text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// What Qwen3's template takes an answer apart into.
struct Thought {
  std::string_view reasoning, content;
};
Thought thought_of(std::string_view answer) {
  constexpr std::string_view kBegin = "<think>", kEnd = "</think>";
  const std::size_t first = answer.find(kEnd);
  if (first == answer.npos) return {"", answer};
  std::string_view reasoning = without_newlines(answer.substr(0, first), false, true);
  if (const std::size_t begin = reasoning.rfind(kBegin); begin != reasoning.npos)
    reasoning.remove_prefix(begin + kBegin.size());
  return {without_newlines(reasoning, true, false),
          without_newlines(answer.substr(answer.rfind(kEnd) + kEnd.size()), true, false)};
}

bool is_tool_response(std::string_view content) {
  return content.starts_with("<tool_response>") && content.ends_with("</tool_response>");
}

class Renderer {
 public:
  Renderer(const Tokenizer& tokenizer, const ChatFormat& format, Tokenizer::Cache& cache)
      : tokenizer_(tokenizer), cache_(cache), format_(format) {}

  void conversation(std::span<const Message> messages) {
    if (!format_.begin.empty()) special(format_.begin, false);
    const bool told = !messages.empty() && messages.front().role == "system";
    if (!format_.system_begin.empty()) {
      const auto said = told ? stripped(messages.front().content) : std::string_view();
      turn("system", format_.system_begin + std::string(said), false);
      if (told) messages = messages.subspan(1);
    } else if (format_.system && !told) {
      turn("system", *format_.system, false);
    }
    std::size_t asked = messages.empty() ? 0 : messages.size() - 1;  // Qwen3's last_query_index
    for (std::size_t i = messages.size(); i-- > 0;)
      if (messages[i].role == "user" && !is_tool_response(messages[i].content)) {
        asked = i;
        break;
      }
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const Message& m = messages[i];
      if (m.role == "tool")
        tool_result(m, i == 0 || messages[i - 1].role != "tool",
                    i + 1 == messages.size() || messages[i + 1].role != "tool");
      else if (m.role == "assistant")
        turn(m.role, answer(m.content, i > asked, i + 1 == messages.size()), m.trained);
      else
        turn(m.role, own(m.content), false);
    }
  }
  void head(std::string_view role) {
    const bool plain = !role.empty() && std::all_of(role.begin(), role.end(), [](unsigned char c) {
      return c < 128 && (std::isalnum(c) || c == '_' || c == '-');
    });
    if (!plain) throw Error("role '" + std::string(role) + "' is not a plain word");
    const bool known = role == "system" || role == "user" || role == "assistant";
    if (format_.only_known_roles && !known)
      throw Error("role '" + std::string(role) + "' is none that " + format_.name +
                  "'s chat template writes");
    special(format_.head, false);
    if (format_.head_end.empty()) return text(std::string(role) + format_.after_head, false);
    text(role, false);
    special(format_.head_end, false);
    text(format_.after_head, false);
  }
  // The content of an assistant's message: the last one, or one after the last question.
  std::string answer(std::string_view content, bool since_question, bool last) const {
    if (!format_.thinks) return std::string(own(content));
    const Thought thought = thought_of(content);
    if (!since_question || (!last && thought.reasoning.empty()))
      return std::string(thought.content);
    return "<think>\n" + std::string(without_newlines(thought.reasoning, true, true)) +
           "\n</think>\n\n" + std::string(without_newlines(thought.content, true, false));
  }
  void content_and_end(std::string_view content, bool trained) {
    text(content, trained);
    special(format_.end, trained);
  }

  ChatTokens out;

 private:
  void turn(std::string_view role, std::string_view content, bool trained) {
    head(role);
    content_and_end(content, trained);
    text(format_.after_end, false);
  }
  // first, last: of several in a row.
  void tool_result(const Message& m, bool first, bool last) {
    switch (format_.tool_results) {
      case ChatFormat::ToolResults::as_messages:
        return turn(m.role, own(m.content), false);
      case ChatFormat::ToolResults::as_json_of_ipython: {
        std::string json;
        append_json_string(json, m.content);
        return turn("ipython", json, false);
      }
      case ChatFormat::ToolResults::in_users_turn:
        if (first) head("user");
        text((first ? "" : "\n") + ("<tool_response>\n" + m.content + "\n</tool_response>"), false);
        if (!last) return;
        special(format_.end, false);
        text(format_.after_end, false);
    }
  }
  std::string_view own(std::string_view content) const {
    return format_.trims ? stripped(content) : content;
  }
  void text(std::string_view text, bool trained) {
    tokenizer_.encode(text, out.ids, cache_);
    out.trained.resize(out.ids.size(), trained);
  }
  void special(std::string_view written, bool trained) {
    const auto id = tokenizer_.find_special(written);
    if (!id)
      throw Error("the tokenizer has no " + std::string(written) + ", which its chat template (" +
                  format_.name + ") writes");
    out.ids.push_back(*id);
    out.trained.push_back(trained);
  }

  const Tokenizer& tokenizer_;
  Tokenizer::Cache& cache_;
  const ChatFormat& format_;
};

}  // namespace

ChatTokens render_chat(const Tokenizer& tokenizer, std::span<const Message> messages,
                       Tokenizer::Cache& cache) {
  return render_chat(tokenizer, tokenizer.chat_format(), messages, cache);
}

ChatTokens render_chat(const Tokenizer& tokenizer, const ChatFormat& format,
                       std::span<const Message> messages, Tokenizer::Cache& cache) {
  Renderer renderer(tokenizer, format, cache);
  renderer.conversation(messages);
  return std::move(renderer.out);
}

std::vector<TokenId> render_prompt(const Tokenizer& tokenizer, std::span<const Message> messages,
                                   Tokenizer::Cache& cache) {
  Renderer renderer(tokenizer, tokenizer.chat_format(), cache);
  renderer.conversation(messages);
  renderer.head("assistant");
  return std::move(renderer.out.ids);
}

std::vector<TokenId> render_answer(const Tokenizer& tokenizer, std::string_view content,
                                   Tokenizer::Cache& cache) {
  Renderer renderer(tokenizer, tokenizer.chat_format(), cache);
  renderer.content_and_end(renderer.answer(content, true, true), true);
  return std::move(renderer.out.ids);
}

}  // namespace lehr::text
