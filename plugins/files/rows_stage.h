// The stages `files.conversations`, `files.preferences`, `files.feedback`, `files.prompts` and
// `files.probes`: the user's own JSON Lines, every row checked, as an artifact of that type. Rows
// are copied as they stand, so further members stay.
#pragma once

#include <lehr/plugin.h>

#include <string>
#include <string_view>
#include <vector>

#include "sources.h"
#include "text/chat_rows.h"
#include "text/held_out.h"
#include "text/row_counts.h"

namespace lehr::plugins::files {

// What all of them share.
class RowsStage : public Stage {
 public:
  explicit RowsStage(std::string type) : type_(std::move(type)) {}
  void describe(Description& d) override;
  void check() override;
  void estimate(const std::vector<Input>& inputs, Estimate& out) override;
  void run(Context& context) override;

 protected:
  // Throws Error, beginning with `where`, if the row breaks a rule. Returns what decides whether
  // the row is held out: rows that ask the same thing stay together.
  virtual std::string check_row(std::string_view json, std::string_view where) = 0;
  // Adds a row that has been checked; false: it is of a type of which nothing is counted.
  virtual bool count_row(std::string_view /*json*/, text::RowCounts& /*counts*/) { return false; }

 private:
  const std::string type_;
  std::vector<std::string> train_, eval_;
  double eval_fraction_ = 0;
  std::string malformed_ = "error";
};

class Conversations : public RowsStage {
 public:
  Conversations() : RowsStage("conversations") {}

 private:
  std::string check_row(std::string_view json, std::string_view where) override;
  bool count_row(std::string_view json, text::RowCounts& counts) override;
};

// Rows with a prompt.
template <class Row>
class PromptedRows : public RowsStage {
 public:
  using RowsStage::RowsStage;

 protected:
  std::string check_row(std::string_view json, std::string_view where) override {
    Row row;
    text::parse_row(json, where, row);
    return text::to_json(text::Prompt{row.prompt, {}, false});
  }
};

class Preferences : public PromptedRows<text::Preference> {
 public:
  Preferences() : PromptedRows("preferences") {}

 private:
  std::string check_row(std::string_view json, std::string_view where) override;
  bool count_row(std::string_view json, text::RowCounts& counts) override;
};
class Feedback : public PromptedRows<text::Feedback> {
 public:
  Feedback() : PromptedRows("feedback") {}

 private:
  bool count_row(std::string_view json, text::RowCounts& counts) override;
};
class Prompts : public PromptedRows<text::Prompt> {
 public:
  Prompts() : PromptedRows("prompts") {}
};

// Probes have no splits: one list of files, one file out, and every id once.
class Probes : public Stage {
 public:
  void describe(Description& d) override;
  void run(Context& context) override;

 private:
  std::vector<std::string> paths_;
};

}  // namespace lehr::plugins::files
