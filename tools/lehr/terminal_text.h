// Text laid out for a terminal: widths in characters, padding, tables.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::cli {

// Columns that UTF-8 text takes: one for each character; ANSI colours take none. (Wide characters
// count one too many or too few: names of stages are ASCII.)
std::size_t text_width(std::string_view text);
std::string padded(std::string text, std::size_t width);         // spaces behind
std::string right_aligned(std::string text, std::size_t width);  // spaces in front
// At most `width` columns; what is left out shows as "…".
std::string shortened(const std::string& text, std::size_t width);
// The words of `text` in lines of at most `width` columns, if no word is longer.
std::vector<std::string> wrapped(const std::string& text, std::size_t width);
std::string without_trailing_spaces(std::string text);
// As one word of a shell's command line: in quotes, if it needs them.
std::string shell_word(const std::string& text);

// Columns of the terminal behind `fd`; 80 if it is none.
std::size_t terminal_width(int fd);
// Where lines are cut: at the end of the terminal; 0, nowhere, if it is none.
std::size_t line_limit(int fd);

// Rows of cells, two spaces between columns.
class TextTable {
 public:
  // One letter a column: 'l' left, 'r' right aligned.
  explicit TextTable(std::string alignment) : alignment_(std::move(alignment)) {}
  void row(std::vector<std::string> cells);  // may have fewer cells than there are columns
  bool empty() const { return rows_.empty(); }
  // Every line begins with `indent`; cells of the last column are cut where `width` ends; 0:
  // nowhere.
  std::string text(std::string_view indent = "", std::size_t width = 0) const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lehr::cli
