#include "text/chat_rows.h"

#include <lehr/description.h>

#include <algorithm>
#include <array>

#include "text/answer_match.h"
#include "text/json_lines.h"
#include "text/raw_members.h"
#include "text/row_fields.h"
#include "text/row_forms.h"

namespace lehr::text {
namespace {

// What a row looks like, for those who bring another form. MESSAGES: [{"role", "content"}, ...].
constexpr const char* kConversation =
    R"({"messages": [{"role": "user", "content": TEXT}, {"role": "assistant", "content": TEXT}]}, )"
    R"({"prompt": TEXT or MESSAGES, "completion": TEXT or MESSAGES}, ShareGPT's {"conversations": )"
    R"([{"from": "human", "value": TEXT}, {"from": "gpt", "value": TEXT}]} or Alpaca's )"
    R"({"instruction": TEXT, "input": TEXT, "output": TEXT})";
constexpr const char* kPreference =
    R"({"prompt": TEXT or MESSAGES, "chosen": TEXT or MESSAGES, "rejected": TEXT or MESSAGES}; )"
    R"(without the prompt, it is what chosen and rejected both begin with)";
constexpr const char* kFeedback =
    R"({"prompt": TEXT or MESSAGES, "completion": TEXT or MESSAGES, "label": true or false})";
constexpr const char* kPrompt = R"({"prompt": TEXT or MESSAGES})";
constexpr const char* kProbe =
    R"({"id": TEXT, "kind": "answer", "prompt": TEXT or MESSAGES, "answers": [TEXT]})";

// Writes members in the order they are named.
class RowText {
 public:
  RowText& text(std::string_view name, std::string_view value) {
    begin(name);
    append_json_string(out_, value);
    return *this;
  }
  RowText& raw(std::string_view name, std::string_view json) {
    begin(name);
    out_ += json;
    return *this;
  }
  RowText& texts(std::string_view name, const std::vector<std::string>& values) {
    begin(name);
    out_ += '[';
    for (const auto& value : values) {
      if (&value != &values.front()) out_ += ',';
      append_json_string(out_, value);
    }
    out_ += ']';
    return *this;
  }
  RowText& messages(std::string_view name, const Messages& messages) {
    begin(name);
    out_ += '[';
    for (const auto& message : messages) {
      out_ += &message == &messages.front() ? "{\"role\":" : ",{\"role\":";
      append_json_string(out_, message.role);
      out_ += ",\"content\":";
      append_json_string(out_, message.content);
      out_ += message.trained ? "}" : ",\"weight\":0}";
    }
    out_ += ']';
    return *this;
  }
  std::string end() { return std::move(out_ += '}'); }

 private:
  void begin(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_json_string(out_, name);
    out_ += ':';
  }
  std::string out_ = "{";
};

// `own` and behind it the members of `json`, a valid row, that are none of those that were read.
std::string with_further_members(std::string own, std::string_view json,
                                 const std::vector<std::string_view>& read) {
  simdjson::dom::object object;
  RowTree tree;
  simdjson::dom::element row;
  if (tree.parse(json, row) || row.get(object)) throw std::logic_error("not a row that was parsed");
  RawMembers members(json);
  own.pop_back();
  for (const auto& [key, value] : object) {
    std::size_t begin = 0;
    const std::string_view member = members.next(begin);
    if (std::find(read.begin(), read.end(), key) == read.end()) (own += ',') += member;
  }
  return own += '}';
}

// Of a conversation from which nothing is learnt.
const char* why_nothing(const Messages& messages) {
  bool answered = false, trained = false;
  for (const Message& message : messages) {
    if (message.role != "assistant") continue;
    answered = true;
    trained |= message.trained;
  }
  if (!answered) return "there is no message of the assistant, so there is nothing to learn";
  if (!trained) return "all the assistant's messages have weight 0, so there is nothing to learn";
  return "the assistant's messages are empty, so there is nothing to learn but to say nothing";
}

}  // namespace

bool is_blank(const Message& message) {
  return message.content.find_first_not_of(" \t\r\n") == std::string::npos;
}

bool parse_row(std::string_view json, std::string_view where, Conversation& row) {
  RowFields fields(json, where, kConversation);
  row.messages = conversation_of(fields);
  const bool teaches =
      std::any_of(row.messages.begin(), row.messages.end(), [](const Message& message) {
        return message.role == "assistant" && message.trained && !is_blank(message);
      });
  if (!teaches) fields.fail(why_nothing(row.messages));
  return !fields.foreign();
}

bool parse_row(std::string_view json, std::string_view where, Preference& row) {
  RowFields fields(json, where, kPreference);
  read_pair(fields, row);
  if (fields.has("margin")) row.margin = fields.real("margin");
  row.source = fields.text_or_empty("source");
  return !fields.foreign();
}

bool parse_row(std::string_view json, std::string_view where, Feedback& row) {
  RowFields fields(json, where, kFeedback);
  row.prompt = fields.prompt("prompt");
  row.completion = fields.answer("completion", row.prompt);
  row.label = fields.boolean("label");
  row.source = fields.text_or_empty("source");
  return !fields.foreign();
}

bool parse_row(std::string_view json, std::string_view where, Prompt& row) {
  RowFields fields(json, where, kPrompt);
  row.prompt = fields.prompt("prompt");
  if (fields.has("reference")) row.reference = fields.text("reference");
  if (fields.has("unknowable")) row.unknowable = fields.boolean("unknowable");
  return !fields.foreign();
}

bool parse_row(std::string_view json, std::string_view where, Probe& row) {
  RowFields fields(json, where, kProbe);
  row.id = fields.text("id");
  row.kind = fields.text("kind");
  if (row.kind == "next")
    row.text = fields.text("text");
  else if (row.kind == "answer" || row.kind == "unknowable")
    row.prompt = fields.prompt("prompt");
  else
    fields.fail("'kind' is '" + row.kind + "'; known are answer, unknowable, next");
  row.answers = fields.texts("answers");
  row.choices = fields.texts("choices");
  row.topic = fields.text_or_empty("topic");
  if (row.kind == "answer" && row.answers.empty())
    fields.fail("'answers' is empty, so no answer could be right");
  if (row.choices.empty()) return !fields.foreign();
  const auto right = std::count_if(row.choices.begin(), row.choices.end(),
                                   [&](const auto& c) { return is_exact(c, row.answers); });
  if (right == 0) fields.fail("none of 'choices' is one of 'answers', so none could be right");
  if (right == std::ssize(row.choices))
    fields.fail("all of 'choices' are among 'answers', so none could be wrong");
  return !fields.foreign();
}

std::string to_json(const Conversation& row) {
  return RowText().messages("messages", row.messages).end();
}

std::string to_json(const Preference& row) {
  RowText out;
  out.messages("prompt", row.prompt).messages("chosen", row.chosen);
  out.messages("rejected", row.rejected);
  if (row.margin) out.raw("margin", json_number(*row.margin));
  if (!row.source.empty()) out.text("source", row.source);
  return out.end();
}

std::string to_json(const Feedback& row) {
  RowText out;
  out.messages("prompt", row.prompt).messages("completion", row.completion);
  out.raw("label", row.label ? "true" : "false");
  if (!row.source.empty()) out.text("source", row.source);
  return out.end();
}

std::string to_json(const Prompt& row) {
  RowText out;
  out.messages("prompt", row.prompt);
  if (row.reference) out.text("reference", *row.reference);
  if (row.unknowable) out.raw("unknowable", "true");
  return out.end();
}

std::string to_json(const Probe& row) {
  RowText out;
  out.text("id", row.id).text("kind", row.kind);
  if (row.kind == "next")
    out.text("text", row.text);
  else
    out.messages("prompt", row.prompt);
  if (!row.answers.empty()) out.texts("answers", row.answers);
  if (!row.choices.empty()) out.texts("choices", row.choices);
  if (!row.topic.empty()) out.text("topic", row.topic);
  return out.end();
}

std::string own_row(const Conversation& row, std::string_view json) {
  return with_further_members(to_json(row), json,
                              {"messages", "conversations", "prompt", "completion", "instruction",
                               "input", "output", "system", "history"});
}

std::string own_row(const Preference& row, std::string_view json) {
  return with_further_members(to_json(row), json,
                              {"prompt", "chosen", "rejected", "margin", "source"});
}

std::string own_row(const Feedback& row, std::string_view json) {
  return with_further_members(to_json(row), json, {"prompt", "completion", "label", "source"});
}

std::string own_row(const Prompt& row, std::string_view json) {
  return with_further_members(to_json(row), json, {"prompt", "reference", "unknowable"});
}

std::string own_row(const Probe& row, std::string_view json) {
  return with_further_members(to_json(row), json,
                              {"id", "kind", "prompt", "text", "answers", "choices", "topic"});
}

std::vector<Probe> read_probes(const std::filesystem::path& artifact) {
  std::vector<Probe> rows;
  RowReader<Probe> reader({artifact / "probes.jsonl"});
  for (Probe row; reader.next(row);) rows.push_back(std::move(row));
  return rows;
}

}  // namespace lehr::text
