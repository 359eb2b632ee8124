#include "text/chat.h"

#include <algorithm>
#include <cctype>

#include <lehr/value.h>

namespace lehr::text {
namespace {

constexpr std::string_view kTemplate =
    R"({%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\n' -}}
{%- if message['role'] == 'assistant' -%}
{%- generation -%}
{{- message['content'] + '<|im_end|>' -}}
{%- endgeneration -%}
{%- else -%}
{{- message['content'] + '<|im_end|>' -}}
{%- endif -%}
{{- '\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\n' -}}
{%- endif -%}
)";

class Renderer {
 public:
  Renderer(const Tokenizer& tokenizer, Tokenizer::Cache& cache)
      : tokenizer_(tokenizer), cache_(cache) {
    if (!tokenizer.im_start() || !tokenizer.im_end())
      throw Error(
          "the tokenizer has no <|im_start|> and <|im_end|>, which chat rendering needs. Train one "
          "here, or import a model that has been made for ChatML");
  }

  void text(std::string_view text, bool trained) {
    tokenizer_.encode(text, out.ids, cache_);
    out.trained.resize(out.ids.size(), trained);
  }
  void head(std::string_view role) {
    const bool plain = !role.empty() && std::all_of(role.begin(), role.end(), [](unsigned char c) {
      return c < 128 && (std::isalnum(c) || c == '_' || c == '-');
    });
    if (!plain) throw Error("role '" + std::string(role) + "' is not a plain word");
    special(*tokenizer_.im_start(), false);
    text(std::string(role) + "\n", false);
  }
  void end(bool trained) { special(*tokenizer_.im_end(), trained); }
  void message(const Message& m) {
    const bool trained = m.role == "assistant";
    head(m.role);
    text(m.content, trained);
    end(trained);
    text("\n", false);
  }

  ChatTokens out;

 private:
  void special(TokenId id, bool trained) {
    out.ids.push_back(id);
    out.trained.push_back(trained);
  }

  const Tokenizer& tokenizer_;
  Tokenizer::Cache& cache_;
};

}  // namespace

ChatTokens render_chat(const Tokenizer& tokenizer, std::span<const Message> messages,
                       Tokenizer::Cache& cache) {
  Renderer renderer(tokenizer, cache);
  for (const Message& m : messages) renderer.message(m);
  return std::move(renderer.out);
}

std::vector<TokenId> render_prompt(const Tokenizer& tokenizer, std::span<const Message> messages,
                                   Tokenizer::Cache& cache) {
  Renderer renderer(tokenizer, cache);
  for (const Message& m : messages) renderer.message(m);
  renderer.head("assistant");
  return std::move(renderer.out.ids);
}

std::vector<TokenId> render_answer(const Tokenizer& tokenizer, std::string_view content,
                                   Tokenizer::Cache& cache) {
  Renderer renderer(tokenizer, cache);
  renderer.text(content, true);
  renderer.end(true);
  return std::move(renderer.out.ids);
}

std::string_view chat_template_jinja() { return kTemplate; }

}  // namespace lehr::text
