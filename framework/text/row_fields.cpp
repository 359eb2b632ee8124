#include "text/row_fields.h"

#include <lehr/value.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text/json_lines.h"

namespace lehr::text {
namespace {

using simdjson::dom::element;

constexpr std::array<std::string_view, 4> kRoles = {"system", "user", "assistant", "tool"};
// ShareGPT's names, and those that others write in its form.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSpeakers = {{
    {"system", "system"},
    {"human", "user"},
    {"user", "user"},
    {"gpt", "assistant"},
    {"assistant", "assistant"},
    {"tool", "tool"},
    {"observation", "tool"},
}};

std::string named(std::string_view name) { return "'" + std::string(name) + "'"; }

// Absent, null, [], {} and "" say nothing.
bool says_something(const simdjson::simdjson_result<element>& value) {
  if (value.error()) return false;
  if (simdjson::dom::array list; !value.get(list)) return list.size() != 0;
  if (simdjson::dom::object object; !value.get(object)) return object.size() != 0;
  std::string_view text;
  return value.get(text) ? !value.is_null() : !text.empty();
}

}  // namespace

RowFields::RowFields(std::string_view json, std::string_view where, const char* forms)
    : where_(where), forms_(forms) {
  static thread_local RowTree tree;
  element row;
  if (const auto error = tree.parse(json, row))
    fail(std::string("malformed JSON: ") + simdjson::error_message(error) + row_form_hint(json));
  if (row.get(object_)) fail(std::string("the line is not a JSON object") + row_form_hint(json));
  if (says_something(object_["tools"]))
    fail("there are 'tools', which no chat template here shows a model: leave them out");
}

void RowFields::fail(const std::string& what) const {
  throw Error(std::string(where_) + ": " + what);
}

element RowFields::need(const char* name) const {
  element value;
  if (object_[name].get(value)) fail("there is no member " + named(name) + "; a row is " + forms_);
  return value;
}

bool RowFields::has(const char* name) const {
  element value;
  return !object_[name].get(value) && !value.is_null();
}

bool RowFields::is_text(const char* name) const {
  element value;
  return !object_[name].get(value) && value.is_string();
}

std::string RowFields::text(const char* name) const {
  std::string_view value;
  if (need(name).get(value)) fail(named(name) + " is not a string");
  return std::string(value);
}

std::string RowFields::text_or_empty(const char* name) const { return has(name) ? text(name) : ""; }

bool RowFields::boolean(const char* name) const {
  bool value;
  if (need(name).get(value)) fail(named(name) + " is not true or false");
  return value;
}

double RowFields::real(const char* name) const {
  double value;
  if (need(name).get(value)) fail(named(name) + " is not a number");
  return value;
}

namespace {

// Nothing where it is not a list of strings.
bool read_texts(const element& value, std::vector<std::string>& out) {
  simdjson::dom::array array;
  if (value.get(array)) return false;
  for (const element item : array) {
    std::string_view text;
    if (item.get(text)) return false;
    out.emplace_back(text);
  }
  return true;
}

}  // namespace

std::vector<std::string> RowFields::texts(const char* name) const {
  std::vector<std::string> out;
  if (has(name) && !read_texts(need(name), out)) fail(named(name) + " is not a list of strings");
  return out;
}

std::vector<std::vector<std::string>> RowFields::pairs(const char* name) const {
  std::vector<std::vector<std::string>> out;
  if (!has(name)) return out;
  simdjson::dom::array array;
  bool good = !need(name).get(array);
  if (good)
    for (const element item : array) {
      out.emplace_back();
      good = good && read_texts(item, out.back()) && out.back().size() == 2;
    }
  if (!good) fail(named(name) + " is not a list of pairs of strings");
  return out;
}

Message RowFields::message(const element& item, const std::string& place) {
  if (!item.is_object()) fail(named(place) + " is not an object {\"role\", \"content\"}");
  Message message;
  std::string_view role, content;
  std::string joined;
  const bool shared = item["role"].error() && item["from"].is_string();
  if (shared) {
    mark_foreign();
    role = item["from"].get_string().value_unsafe();
    const auto* speaker = std::find_if(kSpeakers.begin(), kSpeakers.end(),
                                       [&](const auto& known) { return known.first == role; });
    if (speaker == kSpeakers.end())
      fail(named(place) + " is from '" + std::string(role) +
           "'; known are system, human, user, gpt, assistant, tool, observation");
    role = speaker->second;
    if (item["value"].get(content)) fail(named(place) + " has no string 'value'");
  } else {
    if (item["role"].get(role)) fail(named(place) + " has no string 'role'");
    if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end())
      fail(named(place) + " has the role '" + std::string(role) +
           "'; known are system, user, assistant, tool");
    if (item["content"].is_array()) {
      mark_foreign();
      for (const element part : item["content"].get_array()) {
        std::string_view type, text;
        if (part["type"].get(type) || type != "text" || part["text"].get(text))
          fail(named(place) +
               " has a content with other parts than {\"type\": \"text\", "
               "\"text\"}: a language model learns from text alone");
        joined += text;
      }
      content = joined;
    } else if (item["content"].get(content) &&
               !(item["content"].is_null() && says_something(item["tool_calls"])))
      fail(named(place) + " has no string 'content'");
  }
  for (const char* call : {"tool_calls", "function_call"})
    if (says_something(item[call]))
      fail(named(place) + " has " + named(call) + ", which would not be learnt: write the call " +
           "into the content");
  message = {std::string(role), std::string(content)};
  element given;
  if (item["weight"].get(given) || given.is_null()) return message;
  double weight;
  if (given.get(weight) || (weight != 0 && weight != 1))
    fail(named(place) + " has a 'weight' that is neither 0 nor 1");
  if (weight == 1 && role != "assistant")
    fail(named(place) + " has the weight 1, but only what the assistant says is learnt");
  message.trained = weight == 1 || role != "assistant";
  return message;
}

Messages RowFields::messages(const char* name) {
  Messages out;
  simdjson::dom::array array;
  if (need(name).get(array))
    fail(named(name) + " is not a list of messages {\"role\", \"content\"}");
  for (const element item : array)
    out.push_back(message(item, std::string(name) + "[" + std::to_string(out.size()) + "]"));
  if (out.empty()) fail(named(name) + " has no messages");
  return out;
}

Messages RowFields::text_as(const char* role, const char* name) {
  mark_foreign();
  return {{role, text(name)}};
}

Messages RowFields::prompt(const char* name) {
  Messages out = is_text(name) ? text_as("user", name) : messages(name);
  if (out.back().role == "assistant")
    fail(named(name) + " ends with the assistant, so there is nothing to answer");
  return out;
}

Messages RowFields::answer(const char* name, const Messages& prompt) {
  Messages out = is_text(name) ? text_as("assistant", name) : messages(name);
  if (out.back().role != "assistant")
    fail(named(name) + " ends with '" + out.back().role + "', not with the assistant");
  if (std::any_of(out.begin(), out.end(), [](const Message& m) { return !m.trained; }))
    fail(named(name) + " has a message of weight 0, which only a conversation may have");
  if (out.size() > prompt.size() && out[prompt.size()].role == "assistant" &&
      std::equal(prompt.begin(), prompt.end(), out.begin())) {
    mark_foreign();
    out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(prompt.size()));
  }
  return out;
}

}  // namespace lehr::text
