// The rows of conversations, preferences, feedback, prompts and probes: read from JSON Lines with
// their rules checked, and written. A row that breaks a rule is an Error that names file and line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/json_lines.h"

namespace lehr::text {

struct Message {
  std::string role;  // "system", "user", "assistant", "tool"
  std::string content;
  bool trained = true;  // false: of the assistant, but not to be learnt (weight 0)
  bool operator==(const Message&) const = default;
};
using Messages = std::vector<Message>;
bool is_blank(const Message& message);  // white space at most

// {"messages":[...]}: at least one message of the assistant that is trained and not blank. One that
// is not trained has "weight":0.
struct Conversation {
  Messages messages;
};

// {"prompt":[...],"chosen":[...],"rejected":[...],"margin"?,"source"?}; answers follow
// the prompt, without repeating it, and end with the assistant.
struct Preference {
  Messages prompt, chosen, rejected;
  std::optional<double> margin;
  std::string source;
};

// {"prompt":[...],"completion":[...],"label":true,"source"?}
struct Feedback {
  Messages prompt, completion;
  bool label = false;
  std::string source;
};

// {"prompt":[...],"reference"?,"unknowable"?}: the prompt does not end with the assistant.
struct Prompt {
  Messages prompt;
  std::optional<std::string> reference;
  bool unknowable = false;
};

// {"id","kind":"answer"|"unknowable"|"next","prompt":[...] or "text","answers"?,"choices"?,
//  "topic"?}: "next" has a text to be continued, the others a prompt. Of the choices at least one
// is an accepted answer, and at least one is none.
struct Probe {
  std::string id, kind, topic;
  Messages prompt;
  std::string text;
  std::vector<std::string> answers, choices;
};

// Parses one row, in the form above or one of row_forms.h, where texts stand for messages too.
// False: in another form than the one above. Throws Error that begins with `where` ("file:line").
bool parse_row(std::string_view json, std::string_view where, Conversation& row);
bool parse_row(std::string_view json, std::string_view where, Preference& row);
bool parse_row(std::string_view json, std::string_view where, Feedback& row);
bool parse_row(std::string_view json, std::string_view where, Prompt& row);
bool parse_row(std::string_view json, std::string_view where, Probe& row);

// One line of JSON, members in the order above, absent ones left out.
std::string to_json(const Conversation& row);
std::string to_json(const Preference& row);
std::string to_json(const Feedback& row);
std::string to_json(const Prompt& row);
std::string to_json(const Probe& row);

// The same, with the further members of `json`, of which the row was parsed, behind them.
std::string own_row(const Conversation& row, std::string_view json);
std::string own_row(const Preference& row, std::string_view json);
std::string own_row(const Feedback& row, std::string_view json);
std::string own_row(const Prompt& row, std::string_view json);
std::string own_row(const Probe& row, std::string_view json);

// Streams the rows of several files.
template <class Row>
class RowReader {
 public:
  explicit RowReader(std::vector<std::filesystem::path> files) : lines_(std::move(files)) {}
  bool next(Row& row) {
    std::string_view json;
    if (!lines_.next(json)) return false;
    row = Row{};
    parse_row(json, lines_.where(), row);
    return true;
  }
  std::string where() const { return lines_.where(); }

 private:
  JsonLinesReader lines_;
};

// All rows of one split of an artifact; for probes, which have no splits, see read_probes.
template <class Row>
std::vector<Row> read_rows(const std::filesystem::path& artifact, std::string_view split) {
  std::vector<Row> rows;
  RowReader<Row> reader(data_files(artifact, split));
  for (Row row; reader.next(row);) rows.push_back(std::move(row));
  return rows;
}

// The rows of `probes.jsonl` in an artifact of type probes.
std::vector<Probe> read_probes(const std::filesystem::path& artifact);

}  // namespace lehr::text
