#include "text/chat_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdio>

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

struct Known {
  std::string_view digest;
  ChatFamily family;
};

// Some have {% generation %} around what is trained, as TRL's do. Llama 3.2's asks for today's
// date, which would train something else each day, and has that of 3.1 where there is none to ask.
constexpr Known kKnown[] = {
    {"f0a6a8278439fdb056191e205a440263", ChatFamily::chatml},
    {"214702a813e0fbed0d6850922b3e41b2",
     ChatFamily::chatml},  // Qwen2, SmolLM2: with a default system
    {"59d42b6cf3786c448aa1162b80a70c7a", ChatFamily::qwen2_5},
    {"62c7e0b775c90126c24c140c43a73a08", ChatFamily::qwen2_5},
    {"205bbe22d93805964372a702009a6e39", ChatFamily::qwen3},
    {"2358eae13be98a7ba04c0d765923822c", ChatFamily::qwen3_instruct},
    {"9f117cc12a4ede1ea11e5c229baddc8f", ChatFamily::qwen3_instruct},
    {"09facc0e4aa943189799ad6e2dea0594", ChatFamily::llama3},
    {"7d1249446682b64b2ebf1bbd3466e452", ChatFamily::llama3},
    {"05ac78533d6fb928da8ae4616203881a", ChatFamily::llama3_1},
    {"51839d38c9ee4e80ba28f0d41aa45594", ChatFamily::llama3_1},
};

// A template that is cut into what all models of a family share and the system message that is
// theirs.
struct Parts {
  std::string shared;
  std::optional<std::string> system;
};

// In a template a line end of a string stands as it is or as \\n; both are the same template here.
std::string with_line_ends(std::string_view jinja) {
  std::string out;
  for (std::size_t i = 0; i < jinja.size(); ++i) {
    const bool escaped = jinja.substr(i, 2) == "\\n";
    out += escaped ? '\n' : jinja[i];
    if (escaped) ++i;
  }
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

Parts parts_of(std::string_view jinja) {
  constexpr std::string_view kBegin = "<|im_start|>system\n", kEnd = "<|im_end|>";
  Parts parts{with_line_ends(jinja), {}};
  for (std::size_t at = 0; (at = parts.shared.find(kBegin, at)) != std::string::npos;) {
    at += kBegin.size();
    const std::string said = parts.shared.substr(at, parts.shared.find(kEnd, at) - at);
    if (said.empty() || said.find_first_of("'\"{}\\") != std::string::npos) continue;
    for (std::size_t found; (found = parts.shared.find(said)) != std::string::npos;)
      parts.shared.erase(found, said.size());
    parts.system = said;
    break;
  }
  return parts;
}

std::string digest(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char hex[33];
  std::snprintf(hex, sizeof hex, "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return hex;
}

}  // namespace

ChatFormat chat_format_of(ChatFamily family, std::string_view begin) {
  ChatFormat format;
  switch (family) {
    case ChatFamily::chatml:
      break;
    case ChatFamily::qwen2_5:
    case ChatFamily::qwen3:
    case ChatFamily::qwen3_instruct:
      format.name = family == ChatFamily::qwen2_5 ? "Qwen2.5" : "Qwen3";
      format.thinks = family == ChatFamily::qwen3;
      format.only_known_roles = true;
      format.tool_results = ChatFormat::ToolResults::in_users_turn;
      break;
    case ChatFamily::llama3_1:
      format.system_begin = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
      format.tool_results = ChatFormat::ToolResults::as_json_of_ipython;
      [[fallthrough]];
    case ChatFamily::llama3:
      format.name = family == ChatFamily::llama3 ? "Llama 3" : "Llama 3.1";
      format.begin = begin;
      format.head = "<|start_header_id|>";
      format.head_end = "<|end_header_id|>";
      format.after_head = "\n\n";
      format.end = "<|eot_id|>";
      format.after_end = "";
      format.trims = true;
      break;
  }
  return format;
}

std::string_view chat_template_jinja() { return kTemplate; }

std::string chat_template_digest(std::string_view jinja) { return digest(parts_of(jinja).shared); }

std::optional<ChatFormat> known_chat_format(std::string_view jinja, std::string_view begin) {
  const Parts parts = parts_of(jinja);
  const std::string found = digest(parts.shared);
  if (found == chat_template_digest(kTemplate)) return ChatFormat();
  for (const Known& known : kKnown)
    if (known.digest == found) {
      ChatFormat format = chat_format_of(known.family, begin);
      format.system = parts.system;
      return format;
    }
  return {};
}

}  // namespace lehr::text
