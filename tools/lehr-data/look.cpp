#include "look.h"

#include <lehr/value.h>

#include <algorithm>
#include <optional>
#include <span>

#include "runtime/run/human_text.h"
#include "sample.h"
#include "text/chat.h"
#include "text/chat_rows.h"
#include "text/document_summary.h"
#include "text/token_shards.h"
#include "text/visible_text.h"

namespace lehr::data {
namespace {

using runtime::bytes_text;
using text::visible;

std::string bold(const std::string& text, bool color) {
  return color ? "\033[1m" + text + "\033[0m" : text;
}
std::string dim(const std::string& text, bool color) {
  return color ? "\033[2m" + text + "\033[0m" : text;
}

// "── id, 120 B ──": begins what is shown of one row.
std::string heading(const std::string& name, const std::string& facts, bool color) {
  return "\n" + bold("── " + name, color) + dim("  " + facts, color) + "\n";
}

std::string cut(const Request& request, std::string_view text) {
  const std::size_t most = request.characters;
  return most == 0 ? std::string(text) : text::beginning(text, most);
}

// The tokens of a row, each on a line with its id or all as text. ended: whether they end the row.
std::string tokens_text(const Request& request, const text::Tokenizer& tokenizer,
                        std::span<const text::TokenId> ids, bool ended,
                        std::span<const std::uint8_t> trained = {}) {
  const text::TokenStyle style{request.color, trained};
  if (request.ids) return text::token_lines(tokenizer, ids, style) + (ended ? "" : "…\n");
  return text::visible_tokens(tokenizer, ids, style) + (ended ? "\n" : "…\n");
}

std::string drawn_from(const Request& request, std::uint64_t seen, bool all, const char* things) {
  std::string out = request.title + ": " + std::to_string(std::min(request.count, seen)) + " of " +
                    std::to_string(seen) + " " + things + " (" + request.split + ")";
  if (!all) out += ", those in the first " + bytes_text(kMostRead);
  return out + "\n";
}

std::optional<text::Tokenizer> tokenizer_of(const Request& request) {
  if (request.tokenizer.empty()) return std::nullopt;
  return text::Tokenizer::load(request.tokenizer);
}

std::string look_at_documents(const Request& request) {
  const Drawing drawing =
      draw_documents(request.folder, request.split, request.count, request.seed);
  const auto tokenizer = tokenizer_of(request);
  std::string out = drawn_from(request, drawing.seen, drawing.all, "documents");
  for (const ShownDocument& document : drawing.documents) {
    std::string facts = bytes_text(document.text.size()), shown = cut(request, document.text);
    if (tokenizer) {
      facts += ", " + std::to_string(tokenizer->encode(document.text).size()) + " tokens";
      const bool cut_off = shown.size() != document.text.size();
      if (cut_off) shown.resize(shown.size() - std::string_view("…").size());
      shown = tokens_text(request, *tokenizer, tokenizer->encode(shown), !cut_off);
    } else {
      shown = visible(shown) + "\n";
    }
    if (!document.fields.empty()) facts += "  " + visible(text::beginning(document.fields, 200));
    out += heading(visible(document.id), facts, request.color) + shown;
  }
  return out;
}

std::string look_at_tokens(const Request& request) {
  const text::TokenShards shards(request.folder, request.split);
  const auto tokenizer = text::Tokenizer::load(request.folder);
  Sample<std::uint64_t> sample(request.count, request.seed);
  for (std::uint64_t i = 0; i < shards.documents(); ++i) sample.offer([&] { return i; });
  std::string out = drawn_from(request, shards.documents(), true, "documents");
  for (const std::uint64_t i : sample.rows()) {
    const std::uint64_t begin = i == 0 ? 0 : shards.document_end(i - 1);
    const std::uint64_t all = shards.document_end(i) - begin;
    // A token is 4 bytes or so: shown as far as a document would be.
    const std::uint64_t shown =
        request.characters == 0 ? all : std::min(all, request.characters / 4 + 1);
    std::vector<text::TokenId> ids(shown);
    shards.read(begin, std::span(ids));
    out += heading("document " + std::to_string(i), std::to_string(all) + " tokens", request.color);
    out += tokens_text(request, tokenizer, ids, shown == all);
  }
  return out;
}

std::string messages_text(const Request& request, const text::Messages& messages,
                          const char* indent = "") {
  std::string out;
  for (const text::Message& message : messages) {
    out += indent + bold(visible(message.role) + ": ", request.color);
    out += visible(cut(request, message.content)) + "\n";
  }
  return out;
}

// With a tokenizer: every token, and which of them the loss is taken on.
std::string conversation_text(const Request& request, const text::Conversation& row,
                              const std::optional<text::Tokenizer>& tokenizer, std::string& facts) {
  if (!tokenizer) return messages_text(request, row.messages);
  text::Tokenizer::Cache cache;
  text::ChatTokens tokens = text::render_chat(*tokenizer, row.messages, cache);
  const auto trained = std::count(tokens.trained.begin(), tokens.trained.end(), 1);
  facts += ", trained on " + std::to_string(trained) + " of " + std::to_string(tokens.ids.size()) +
           " tokens";
  return tokens_text(request, *tokenizer, tokens.ids, true, tokens.trained);
}

template <class Row, class Show>
std::string look_at_rows(const Request& request, std::vector<std::filesystem::path> files,
                         const char* things, Show show) {
  text::RowReader<Row> reader(std::move(files));
  Sample<std::pair<std::string, Row>> sample(request.count, request.seed);
  for (Row row; reader.next(row);) {
    const std::string where = reader.where();
    sample.offer([&] { return std::pair(where.substr(where.rfind('/') + 1), row); });
  }
  std::string out = drawn_from(request, sample.seen(), true, things);
  for (const auto& [where, row] : sample.rows()) {
    std::string facts;
    const std::string shown = show(row, facts);
    out += heading(where, facts, request.color) + shown;
  }
  return out;
}

}  // namespace

std::string look(const Request& request) {
  const auto files = [&] { return text::data_files(request.folder, request.split); };
  const auto labelled = [&](const char* label, const text::Messages& messages) {
    return dim(label, request.color) + "\n" + messages_text(request, messages, "  ");
  };
  const bool rendered = request.type == "documents" || request.type == "conversations";
  if (request.ids && request.type != "tokens" && !(rendered && !request.tokenizer.empty()))
    throw Error(rendered ? "--ids: " + request.type + " are text; give --tokenizer NAME, too"
                         : "--ids: " + request.type +
                               " are not shown as tokens; tokens, documents and conversations are");
  if (!request.tokenizer.empty() && !rendered)
    throw Error("--tokenizer: " + request.type +
                (request.type == "tokens" ? " are shown by the tokenizer that made them"
                                          : " are not shown as tokens; documents and conversations "
                                            "are"));
  if (request.type == "documents") return look_at_documents(request);
  if (request.type == "tokens") return look_at_tokens(request);
  if (request.type == "conversations") {
    const auto tokenizer = tokenizer_of(request);
    return look_at_rows<text::Conversation>(
        request, files(), "conversations", [&](const text::Conversation& row, std::string& facts) {
          facts = std::to_string(row.messages.size()) + " messages";
          return conversation_text(request, row, tokenizer, facts);
        });
  }
  if (request.type == "preferences")
    return look_at_rows<text::Preference>(
        request, files(), "preferences", [&](const text::Preference& row, std::string& facts) {
          facts = visible(row.source);
          return labelled("prompt", row.prompt) + labelled("chosen", row.chosen) +
                 labelled("rejected", row.rejected);
        });
  if (request.type == "feedback")
    return look_at_rows<text::Feedback>(
        request, files(), "rows", [&](const text::Feedback& row, std::string& facts) {
          facts = row.label ? "good" : "bad";
          return labelled("prompt", row.prompt) + labelled("completion", row.completion);
        });
  if (request.type == "prompts")
    return look_at_rows<text::Prompt>(request, files(), "prompts",
                                      [&](const text::Prompt& row, std::string& facts) {
                                        if (row.reference)
                                          facts = "expected: " + visible(*row.reference);
                                        return messages_text(request, row.prompt);
                                      });
  if (request.type == "probes")
    return look_at_rows<text::Probe>(
        request, {request.folder / "probes.jsonl"}, "probes",
        [&](const text::Probe& row, std::string& facts) {
          facts = visible(row.kind);
          for (const std::string& answer : row.answers) facts += "  " + visible(answer);
          return row.prompt.empty() ? visible(row.text) + "\n" : messages_text(request, row.prompt);
        });
  throw Error("an artifact of type '" + request.type +
              "' cannot be looked at; documents, tokens, conversations, preferences, feedback, "
              "prompts and probes can" +
              (request.type == "model" ? "; `lehr inspect` looks into models"
               : request.type == "evaluation"
                   ? "; its table is " + (request.folder / "table.txt").string()
               : request.type == "logprobs"
                   ? "; its numbers are in " + (request.folder / "logprobs.safetensors").string()
                   : std::string()));
}

std::string look_at_dropped(const Request& request) {
  const auto summary = text::DocumentSummary::find(request.folder);
  if (!summary)
    throw Error(request.title +
                " keeps no record of what was dropped; stages that make documents "
                "do, as summary.json");
  std::string out;
  std::vector<std::string> known;
  for (const auto& [reason, drops] : summary->drops()) {
    known.push_back(reason);
    if (request.dropped != "*" && request.dropped != reason) continue;
    out += "\n" +
           bold(reason + ": " + std::to_string(drops.documents) +
                    (summary->only_would_drop() ? " would be dropped" : " dropped"),
                request.color) +
           "\n";
    for (const auto& example : drops.examples)
      out += dim("  " + visible(example.id), request.color) + "\n    " +
             visible(cut(request, example.text)) + "\n";
  }
  if (!out.empty()) return out.substr(1);
  if (known.empty()) return request.title + " dropped nothing\n";
  std::string reasons;
  for (const std::string& reason : known) reasons += (reasons.empty() ? "" : ", ") + reason;
  throw Error("nothing was dropped as '" + request.dropped + "'; the reasons were " + reasons);
}

}  // namespace lehr::data
