#include "text/row_forms.h"

#include <algorithm>
#include <array>
#include <string>

namespace lehr::text {
namespace {

constexpr bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// A system prompt beside the turns, where there is one.
Messages told(const RowFields& fields) {
  const std::string system = fields.text_or_empty("system");
  return system.empty() ? Messages{} : Messages{{"system", system}};
}

void append(Messages& to, Messages more) {
  for (Message& message : more) to.push_back(std::move(message));
}

Messages prompt_and_completion(RowFields& fields) {
  Messages out = fields.prompt("prompt");
  append(out, fields.answer("completion", out));
  return out;
}

Messages sharegpt(RowFields& fields) {
  Messages turns = fields.messages("conversations");
  Messages out = told(fields);
  if (!out.empty() && turns.front().role == "system")
    fields.fail("there is a 'system' beside a message of the system");
  append(out, std::move(turns));
  return out;
}

// As LLaMA-Factory reads it: the input stands below the instruction, and `history` before both.
Messages alpaca(RowFields& fields) {
  Messages out = told(fields);
  for (const auto& turn : fields.pairs("history")) {
    out.push_back({"user", turn[0]});
    out.push_back({"assistant", turn[1]});
  }
  const std::string input = fields.text_or_empty("input");
  out.push_back({"user", fields.text("instruction") + (input.empty() ? "" : "\n" + input)});
  out.push_back({"assistant", fields.text("output")});
  return out;
}

struct Form {
  std::array<const char*, 2> members;  // that a row of it has
  const char* name;
  Messages (*read)(RowFields&);
};
const std::array<Form, 4> kConversationForms = {{
    {{"messages", "messages"}, "'messages'", [](RowFields& f) { return f.messages("messages"); }},
    {{"prompt", "completion"}, "'prompt' with 'completion'", prompt_and_completion},
    {{"conversations", "conversations"}, "'conversations'", sharegpt},
    {{"instruction", "output"}, "'instruction' with 'output'", alpaca},
}};

// "\n\nHuman: ...\n\nAssistant: ...", as in Anthropic's hh-rlhf.
constexpr std::string_view kHuman = "\n\nHuman: ", kAssistant = "\n\nAssistant: ";
Messages turns_of(std::string_view text) {
  Messages out;
  while (!text.empty()) {
    const bool human = text.starts_with(kHuman);
    text.remove_prefix((human ? kHuman : kAssistant).size());
    const std::size_t end = std::min(text.find(kHuman), text.find(kAssistant));
    out.push_back({human ? "user" : "assistant", std::string(text.substr(0, end))});
    text.remove_prefix(std::min(end, text.size()));
  }
  return out;
}

// What both begin with is the prompt: as much that an answer of the assistant follows in each.
void part_messages(const RowFields& fields, Messages chosen, Messages rejected, Preference& row) {
  const auto parted = std::mismatch(chosen.begin(), chosen.end(), rejected.begin(), rejected.end());
  auto shared = static_cast<std::size_t>(parted.first - chosen.begin());
  const auto answers = [](const Messages& all, std::size_t from) {
    return from < all.size() && all[from].role == "assistant";
  };
  while (shared > 0 && !(answers(chosen, shared) && answers(rejected, shared) &&
                         chosen[shared - 1].role != "assistant"))
    --shared;
  if (shared == 0)
    fields.fail(
        "'chosen' and 'rejected' do not begin with the same prompt, and there is no "
        "'prompt' beside them");
  if (chosen.back().role != "assistant" || rejected.back().role != "assistant")
    fields.fail("'chosen' and 'rejected' do not both end with the assistant");
  const auto at = static_cast<std::ptrdiff_t>(shared);
  row.prompt.assign(chosen.begin(), chosen.begin() + at);
  row.chosen.assign(chosen.begin() + at, chosen.end());
  row.rejected.assign(rejected.begin() + at, rejected.end());
}

// As TRL: up to the character at which they part; a blank before it goes to the answers.
void part_texts(const RowFields& fields, const std::string& chosen, const std::string& rejected,
                Preference& row) {
  const auto parted = std::mismatch(chosen.begin(), chosen.end(), rejected.begin(), rejected.end());
  auto shared = static_cast<std::size_t>(parted.first - chosen.begin());
  const auto within = [&](const std::string& text) {
    return shared < text.size() && is_continuation(text[shared]);
  };
  while (shared > 0 && (within(chosen) || within(rejected))) --shared;
  if (shared > 0 && chosen[shared - 1] == ' ') --shared;
  if (shared == 0)
    fields.fail(
        "'chosen' and 'rejected' do not begin with the same text, and there is no 'prompt' "
        "beside them");
  row.prompt = {{"user", chosen.substr(0, shared)}};
  row.chosen = {{"assistant", chosen.substr(shared)}};
  row.rejected = {{"assistant", rejected.substr(shared)}};
}

}  // namespace

Messages conversation_of(RowFields& fields) {
  const Form* found = nullptr;
  for (const Form& form : kConversationForms) {
    if (!fields.has(form.members[0]) || !fields.has(form.members[1])) continue;
    if (found != nullptr)
      fields.fail(std::string("the row has ") + found->name + " and " + form.name +
                  ", so it could be read in two ways. Leave one out: a row is " + fields.forms());
    found = &form;
  }
  if (found == nullptr)
    fields.fail(std::string("the row has no known form; a row is ") + fields.forms());
  if (found != kConversationForms.data()) fields.mark_foreign();
  return found->read(fields);
}

void read_pair(RowFields& fields, Preference& row) {
  if (fields.has("prompt")) {
    row.prompt = fields.prompt("prompt");
    row.chosen = fields.answer("chosen", row.prompt);
    row.rejected = fields.answer("rejected", row.prompt);
    return;
  }
  fields.mark_foreign();
  if (fields.is_text("chosen") && fields.is_text("rejected")) {
    const std::string chosen = fields.text("chosen"), rejected = fields.text("rejected");
    if (chosen.starts_with(kHuman) && rejected.starts_with(kHuman))
      return part_messages(fields, turns_of(chosen), turns_of(rejected), row);
    return part_texts(fields, chosen, rejected, row);
  }
  part_messages(fields, fields.answer("chosen", {}), fields.answer("rejected", {}), row);
}

}  // namespace lehr::text
