// The stages `files.conversations`, `files.preferences`, `files.feedback`, `files.prompts` and
// `files.probes`: the user's own JSON Lines, every row checked, as an artifact of that type. Rows
// are copied as they stand; those of other forms (row_forms.h) are written in ours, with all
// further members.
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
  struct Checked {
    std::string asked;  // decides whether it is held out: rows that ask the same stay together
    std::string own;    // the row in our own form; empty: it has that already
  };
  // Throws Error, beginning with `where`, if the row breaks a rule.
  virtual Checked check_row(std::string_view json, std::string_view where) = 0;
  template <class Row>
  static Checked read_row(std::string_view json, std::string_view where, Row& row) {
    const bool own = text::parse_row(json, where, row);
    return {{}, own ? std::string() : text::own_row(row, json)};
  }
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
  Checked check_row(std::string_view json, std::string_view where) override;
  bool count_row(std::string_view json, text::RowCounts& counts) override;
};

// Rows with a prompt.
template <class Row>
class PromptedRows : public RowsStage {
 public:
  using RowsStage::RowsStage;

 protected:
  Checked check_row(std::string_view json, std::string_view where) override {
    Row row;
    Checked checked = read_row(json, where, row);
    checked.asked = text::to_json(text::Prompt{row.prompt, {}, false});
    check_pair(row, where);
    return checked;
  }
  // Of rows with more than one answer.
  virtual void check_pair(const Row& /*row*/, std::string_view /*where*/) const {}
};

class Preferences : public PromptedRows<text::Preference> {
 public:
  Preferences() : PromptedRows("preferences") {}

 private:
  void check_pair(const text::Preference& row, std::string_view where) const override;
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
