#include "statistics.h"

#include <lehr/value.h>

#include "runtime/run/human_text.h"
#include "text/chat_rows.h"
#include "text/documents.h"
#include "text/token_kinds.h"
#include "text/token_shards.h"
#include "text/tokenizer.h"
#include "text/visible_text.h"
#include "text/words_and_lines.h"

namespace lehr::data {
namespace {

constexpr std::size_t kExamples = 5;

void keep(Panel& panel, const char* split, Distribution distribution) {
  if (distribution.count() > 0) panel.splits.emplace_back(split, std::move(distribution));
}

// 1,234,567 as it is; beyond that 12.3M.
void add_fact(Statistics& out, const std::string& name, double value) {
  if (value >= 1e7) {
    out.facts.emplace_back(name, runtime::count_text(value));
    return;
  }
  const std::string digits = std::to_string(static_cast<std::uint64_t>(value));
  std::string grouped;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped += ',';
    grouped += digits[i];
  }
  out.facts.emplace_back(name, grouped);
}

std::vector<TextRow> rows_of(const text::TokenKinds& kinds) {
  std::vector<TextRow> out;
  for (const auto& share : kinds.shares())
    out.push_back({std::string(text::name_of(share.kind)), 0, share.bytes, share.tokens});
  return out;
}

std::string known(const std::vector<std::string>& fields) {
  std::string out;
  for (const std::string& field : fields) out += (out.empty() ? "" : ", ") + field;
  return out.empty() ? "they have none beside id and text"
                     : "there are " + text::visible(text::beginning(out, 400));
}

void collect_documents(const Request& request, Statistics& out) {
  std::optional<text::Tokenizer> tokenizer;
  if (!request.tokenizer.empty()) tokenizer = text::Tokenizer::load(request.tokenizer);
  Panel characters{"Length", "characters in a document", {}};
  Panel words{"Words", "words in a document", {}};
  Panel tokens{"Tokens", "tokens in a document", {}};
  double documents = 0, bytes = 0, all_words = 0, all_tokens = 0;
  text::TokenKinds kinds;
  const std::string by = request.by.empty() ? kUsualField : request.by;
  FieldStatistics fields(by, request.seed);
  for (const char* split : {"train", "eval"}) {
    Distribution of_characters, of_words, of_tokens;
    text::DocumentReader reader(text::data_files(request.folder, split));
    std::vector<std::string_view> found;
    std::vector<text::TokenId> ids;
    text::Tokenizer::Cache cache;
    Sample<ShownDocument> sample(kExamples, request.seed);
    for (text::Document document; reader.next(document);) {
      of_characters.add(text::count_code_points(document.text));
      text::split_words(document.text, found);
      of_words.add(found.size());
      if (tokenizer) {
        ids.clear();
        tokenizer->encode(document.text, ids, cache);
        of_tokens.add(ids.size());
        kinds.add(*tokenizer, ids);
      }
      fields.add(document, ids.size());
      sample.offer([&] {
        return ShownDocument{std::string(document.id), text::beginning(document.text, 1200), ""};
      });
    }
    documents += static_cast<double>(of_words.count());
    bytes += static_cast<double>(reader.counts().text_bytes);
    all_words += static_cast<double>(of_words.sum());
    all_tokens += static_cast<double>(of_tokens.sum());
    keep(characters, split, std::move(of_characters));
    keep(words, split, std::move(of_words));
    keep(tokens, split, std::move(of_tokens));
    if (out.examples.empty()) out.examples = sample.rows();
  }
  add_fact(out, "documents", documents);
  out.facts.emplace_back("text", runtime::bytes_text(static_cast<std::uint64_t>(bytes)));
  add_fact(out, "words", all_words);
  if (tokenizer) {
    add_fact(out, "tokens", all_tokens);
    out.facts.emplace_back("bytes per token", runtime::number_text(bytes / all_tokens));
  }
  out.panels = {std::move(characters), std::move(words)};
  if (tokenizer) out.panels.push_back(std::move(tokens));
  if (auto rows = rows_of(kinds); !rows.empty())
    out.amounts.push_back({"Kinds of text", "kind", std::move(rows)});
  if (auto rows = fields.by_value(); !rows.empty())
    out.amounts.push_back({"Text by " + by, by, std::move(rows)});
  else if (!request.by.empty())
    throw Error("--by: no document of " + request.title + " has a field '" + by + "'; " +
                known(fields.other_fields()));
  out.scores = fields.scores();
}

void collect_tokens(const Request& request, Statistics& out) {
  const auto tokenizer = text::Tokenizer::load(request.folder);
  Panel lengths{"Length", "tokens in a document, with its end-of-text", {}};
  for (const char* split : {"train", "eval"}) {
    const text::TokenShards shards(request.folder, split);
    Distribution of_lengths;
    std::uint64_t begin = 0;
    Sample<std::uint64_t> sample(kExamples, request.seed);
    for (std::uint64_t i = 0; i < shards.documents(); ++i) {
      const std::uint64_t end = shards.document_end(i);
      of_lengths.add(end - begin);
      begin = end;
      sample.offer([&] { return i; });
    }
    keep(lengths, split, std::move(of_lengths));
    if (!out.examples.empty()) continue;
    for (const std::uint64_t i : sample.rows()) {
      const std::uint64_t first = i == 0 ? 0 : shards.document_end(i - 1);
      std::vector<text::TokenId> ids(std::min<std::uint64_t>(300, shards.document_end(i) - first));
      shards.read(first, std::span(ids));
      out.examples.push_back({"document " + std::to_string(i), tokenizer.decode(ids), ""});
    }
  }
  const auto info = text::read_tokens_json(request.folder);
  const auto tokens = static_cast<double>(info.train.tokens + info.eval.tokens);
  add_fact(out, "tokens", tokens);
  add_fact(out, "documents", static_cast<double>(info.train.documents + info.eval.documents));
  out.facts.emplace_back("text", runtime::bytes_text(info.train.bytes + info.eval.bytes));
  out.facts.emplace_back(
      "bytes per token",
      runtime::number_text(static_cast<double>(info.train.bytes + info.eval.bytes) / tokens));
  add_fact(out, "vocabulary", static_cast<double>(info.vocab_size));
  out.panels = {std::move(lengths)};
}

std::string messages_text(const text::Messages& messages) {
  std::string shown;
  for (const text::Message& message : messages)
    shown += message.role + ": " + message.content + "\n";
  return shown;
}

std::uint64_t characters_in(const text::Messages& messages) {
  std::uint64_t sum = 0;
  for (const text::Message& message : messages) sum += text::count_code_points(message.content);
  return sum;
}

// "train-00000.jsonl:7"
std::string place(const std::string& where) { return where.substr(where.rfind('/') + 1); }

void collect_conversations(const Request& request, Statistics& out) {
  Panel turns{"Messages", "messages in a conversation", {}};
  Panel answers{"Answers", "characters in a message of the assistant, which is trained on", {}};
  Panel others{"Questions", "characters in a message of anybody else", {}};
  double rows = 0;
  for (const char* split : {"train", "eval"}) {
    Distribution of_turns, of_answers, of_others;
    text::RowReader<text::Conversation> reader(text::data_files(request.folder, split));
    Sample<ShownDocument> sample(kExamples, request.seed);
    for (text::Conversation row; reader.next(row); ++rows) {
      of_turns.add(row.messages.size());
      for (const text::Message& message : row.messages)
        (message.role == "assistant" ? of_answers : of_others)
            .add(text::count_code_points(message.content));
      sample.offer([&] {
        return ShownDocument{place(reader.where()),
                             text::beginning(messages_text(row.messages), 1200), ""};
      });
    }
    keep(turns, split, std::move(of_turns));
    keep(answers, split, std::move(of_answers));
    keep(others, split, std::move(of_others));
    if (out.examples.empty()) out.examples = sample.rows();
  }
  add_fact(out, "conversations", rows);
  out.panels = {std::move(turns), std::move(answers), std::move(others)};
}

std::string example_text(const text::Preference& row) {
  constexpr std::size_t kPart = 500;
  std::string out;
  for (const auto& [name, messages] :
       {std::pair("prompt", &row.prompt), std::pair("chosen", &row.chosen),
        std::pair("rejected", &row.rejected)}) {
    std::string part = text::beginning(messages_text(*messages), kPart);
    if (!part.ends_with('\n')) part += '\n';
    out += std::string("── ") + name + "\n" + part;
  }
  return out;
}

void collect_preferences(const Request& request, Statistics& out) {
  Panel prompts{"Prompt", "characters in all its messages", {}};
  Panel chosen{"Chosen", "characters in the answer that was chosen", {}};
  Panel rejected{"Rejected", "characters in the answer that was not", {}};
  AnswerLengths lengths;
  double same = 0, margins = 0, with_margin = 0;
  for (const char* split : {"train", "eval"}) {
    Distribution of_prompts, of_chosen, of_rejected;
    text::RowReader<text::Preference> reader(text::data_files(request.folder, split));
    Sample<ShownDocument> sample(kExamples, request.seed);
    for (text::Preference row; reader.next(row);) {
      const std::uint64_t chosen_characters = characters_in(row.chosen);
      const std::uint64_t rejected_characters = characters_in(row.rejected);
      of_prompts.add(characters_in(row.prompt));
      of_chosen.add(chosen_characters);
      of_rejected.add(rejected_characters);
      lengths.add(row.source, chosen_characters, rejected_characters);
      same += row.chosen == row.rejected;
      margins += row.margin.value_or(0);
      with_margin += row.margin.has_value();
      sample.offer([&] { return ShownDocument{place(reader.where()), example_text(row), ""}; });
    }
    keep(prompts, split, std::move(of_prompts));
    keep(chosen, split, std::move(of_chosen));
    keep(rejected, split, std::move(of_rejected));
    if (out.examples.empty()) out.examples = sample.rows();
  }
  const auto all = static_cast<double>(lengths.all().preferences());
  add_fact(out, "preferences", all);
  if (all > 0)
    out.facts.emplace_back(
        "chosen is longer",
        runtime::number_text(100 * static_cast<double>(lengths.all().chosen_longer) / all) + " %");
  if (same > 0) add_fact(out, "have the same answer twice", same);
  if (with_margin > 0)
    out.facts.emplace_back("mean margin", runtime::number_text(margins / with_margin));
  out.panels = {std::move(prompts), std::move(chosen), std::move(rejected)};
  out.lengths = lengths.by_source();
  out.lengths.insert(out.lengths.begin(), lengths.all());
  out.lengths.front().source = "all";
}

}  // namespace

Statistics collect_statistics(const Request& request) {
  Statistics out;
  const char* of_documents = !request.by.empty()          ? "--by"
                             : !request.tokenizer.empty() ? "--tokenizer"
                                                          : nullptr;
  if (of_documents != nullptr && request.type != "documents")
    throw Error(std::string(of_documents) + ": only a report about documents takes it; " +
                request.title + " is of type '" + request.type + "'");
  if (request.type == "documents")
    collect_documents(request, out);
  else if (request.type == "tokens")
    collect_tokens(request, out);
  else if (request.type == "conversations")
    collect_conversations(request, out);
  else if (request.type == "preferences")
    collect_preferences(request, out);
  else
    throw Error("there is no report about an artifact of type '" + request.type +
                "'; documents, tokens, conversations and preferences have one");
  out.summary = text::DocumentSummary::find(request.folder);
  return out;
}

}  // namespace lehr::data
