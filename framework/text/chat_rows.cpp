#include "text/chat_rows.h"

#include <lehr/description.h>

#include <algorithm>
#include <array>

#include "text/json_lines.h"
#include "text/row_tree.h"

namespace lehr::text {
namespace {

using simdjson::dom::element;

constexpr std::array<std::string_view, 4> kRoles = {"system", "user", "assistant", "tool"};

// What a row looks like, for those who bring another form.
constexpr const char* kConversation =
    R"({"messages": [{"role": "user", "content": TEXT}, {"role": "assistant", "content": TEXT}]})";
constexpr const char* kPreference =
    R"({"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES})";
constexpr const char* kFeedback =
    R"({"prompt": MESSAGES, "completion": MESSAGES, "label": true or false})";
constexpr const char* kPrompt = R"({"prompt": MESSAGES})";
constexpr const char* kProbe =
    R"({"id": TEXT, "kind": "answer", "prompt": MESSAGES, "answers": [TEXT]})";

// One parsed row and the messages about it.
class RowFields {
 public:
  RowFields(std::string_view json, std::string_view where, const char* form)
      : where_(where), form_(form) {
    static thread_local RowTree tree;
    element row;
    if (const auto error = tree.parse(json, row))
      fail(std::string("malformed JSON: ") + simdjson::error_message(error) + row_form_hint(json));
    if (row.get(object_)) fail(std::string("the line is not a JSON object") + row_form_hint(json));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(std::string(where_) + ": " + what);
  }

  bool has(const char* name) const {
    element value;
    return !object_[name].get(value) && !value.is_null();
  }

  std::string text(const char* name) const {
    std::string_view value;
    if (need(name).get(value)) fail(quoted(name) + " is not a string");
    return std::string(value);
  }
  std::string text_or_empty(const char* name) const { return has(name) ? text(name) : ""; }

  bool boolean(const char* name) const {
    bool value;
    if (need(name).get(value)) fail(quoted(name) + " is not true or false");
    return value;
  }

  double real(const char* name) const {
    double value;
    if (need(name).get(value)) fail(quoted(name) + " is not a number");
    return value;
  }

  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> out;
    if (!has(name)) return out;
    simdjson::dom::array array;
    if (need(name).get(array)) fail(quoted(name) + " is not a list of strings");
    for (const element item : array) {
      std::string_view value;
      if (item.get(value)) fail(quoted(name) + " is not a list of strings");
      out.emplace_back(value);
    }
    return out;
  }

  Messages messages(const char* name) const {
    Messages out;
    simdjson::dom::array array;
    if (const element value = need(name); value.get(array))
      fail(quoted(name) + " is not a list of messages" +
           (value.is_string() ? ": write the text as [{\"role\": \"" + std::string(speaker(name)) +
                                    "\", \"content\": TEXT}]"
                              : " {\"role\", \"content\"}"));
    for (const element item : array) {
      const std::string place = std::string(name) + "[" + std::to_string(out.size()) + "]";
      std::string_view role, content;
      if (!item.is_object()) fail(quoted(place) + " is not an object {\"role\", \"content\"}");
      if (item["role"].get(role))
        fail(quoted(place) + " has no string 'role'" +
             (item["from"].is_string()
                  ? "; ShareGPT's 'from' and 'value' are 'role' and 'content', "
                    "its human is user, its gpt assistant"
                  : ""));
      if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end())
        fail(quoted(place) + " has the role '" + std::string(role) +
             "'; known are system, user, assistant, tool");
      if (item["content"].get(content)) fail(quoted(place) + " has no string 'content'");
      out.push_back({std::string(role), std::string(content)});
    }
    if (out.empty()) fail(quoted(name) + " has no messages");
    return out;
  }
  // A prompt waits for an answer.
  Messages prompt(const char* name) const {
    Messages out = messages(name);
    if (out.back().role == "assistant")
      fail(quoted(name) + " ends with the assistant, so there is nothing to answer");
    return out;
  }
  Messages answer(const char* name, const Messages& prompt) const {
    Messages out = messages(name);
    if (out.back().role != "assistant")
      fail(quoted(name) + " ends with '" + out.back().role + "', not with the assistant");
    if (out.size() > prompt.size() && std::equal(prompt.begin(), prompt.end(), out.begin()))
      fail(quoted(name) + " begins with the messages of 'prompt': leave them out, it follows them");
    return out;
  }

 private:
  // A file that is one JSON list has been named like JSON Lines.
  static std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }
  element need(const char* name) const {
    element value;
    if (object_[name].get(value))
      fail("there is no member " + quoted(name) + "; a row is " + form_);
    return value;
  }
  static std::string_view speaker(std::string_view name) {
    return name == "prompt" || name == "messages" ? "user" : "assistant";
  }

  std::string_view where_;
  const char* form_;
  simdjson::dom::object object_;
};

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
      out_ += '}';
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

}  // namespace

void parse_row(std::string_view json, std::string_view where, Conversation& row) {
  const RowFields fields(json, where, kConversation);
  row.messages = fields.messages("messages");
  if (std::none_of(row.messages.begin(), row.messages.end(),
                   [](const Message& m) { return m.role == "assistant"; }))
    fields.fail("'messages' has no message of the assistant, so there is nothing to learn");
}

void parse_row(std::string_view json, std::string_view where, Preference& row) {
  const RowFields fields(json, where, kPreference);
  row.prompt = fields.prompt("prompt");
  row.chosen = fields.answer("chosen", row.prompt);
  row.rejected = fields.answer("rejected", row.prompt);
  if (fields.has("margin")) row.margin = fields.real("margin");
  row.source = fields.text_or_empty("source");
}

void parse_row(std::string_view json, std::string_view where, Feedback& row) {
  const RowFields fields(json, where, kFeedback);
  row.prompt = fields.prompt("prompt");
  row.completion = fields.answer("completion", row.prompt);
  row.label = fields.boolean("label");
  row.source = fields.text_or_empty("source");
}

void parse_row(std::string_view json, std::string_view where, Prompt& row) {
  const RowFields fields(json, where, kPrompt);
  row.prompt = fields.prompt("prompt");
  if (fields.has("reference")) row.reference = fields.text("reference");
  if (fields.has("unknowable")) row.unknowable = fields.boolean("unknowable");
}

void parse_row(std::string_view json, std::string_view where, Probe& row) {
  const RowFields fields(json, where, kProbe);
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

std::vector<Probe> read_probes(const std::filesystem::path& artifact) {
  std::vector<Probe> rows;
  RowReader<Probe> reader({artifact / "probes.jsonl"});
  for (Probe row; reader.next(row);) rows.push_back(std::move(row));
  return rows;
}

}  // namespace lehr::text
