// The row that most documents are, read without a tree: one object on a line of its own, whose
// first members are the text and the id, as strings. A string without escapes is a view of the row.
// What is read here is what simdjson reads; a row that is not quite so is left to it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lehr::text {

class PlainRow {
 public:
  // lines: valid UTF-8 that begins with a row, LineBlock::kPadding readable bytes behind it. False
  // if the row is another one.
  bool read(std::string_view lines, std::string_view text_field, std::string_view id_field);

  std::string_view id, text;  // valid until the next call
  // The members behind them, from the first one's name to the row's end; empty if there are none.
  // Not looked at.
  std::string_view others;
  std::string_view row;  // without its line end
  std::size_t size = 0;  // with it

 private:
  bool skip_to(char c);
  // The string whose first quote was just read; `unescaped` holds it if it has escapes, and what
  // was left there by others.
  bool read_string(std::string_view& value, std::string& unescaped);
  bool unescape(std::string_view& value, std::string& unescaped);
  char* write_escape(char* out);
  bool end_row();

  std::string_view lines_;
  std::size_t at_ = 0;
  std::string unescaped_id_, unescaped_text_, name_;
};

}  // namespace lehr::text
