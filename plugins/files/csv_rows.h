// Rows of CSV (RFC 4180): fields between delimiters, in quotes where they hold delimiters, quotes
// (doubled) or line ends. Lenient where programs that write CSV are: a quote inside a field that
// did not begin with one is text, rows may end in \n or \r\n. Everything else is reported.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lehr::plugins::files {

class CsvRows {
 public:
  explicit CsvRows(char delimiter) : delimiter_(delimiter) {}

  // rows: whole rows; the first one begins at line `first_line` of its file.
  void start(std::string_view rows, std::uint64_t first_line);
  // The next row that is not blank; false at the end. Fields are valid until the next call.
  bool next(std::vector<std::string_view>& fields);
  std::uint64_t line() const { return line_; }  // where the row last given begins
  // What is wrong with it, or empty.
  std::string_view problem() const { return problem_; }

 private:
  std::string_view take_quoted();
  std::string_view take_plain();

  const char delimiter_;
  std::string_view rest_;
  std::uint64_t line_ = 1, next_line_ = 1;
  std::string_view problem_;
  std::string unescaped_;  // fields that held doubled quotes; never grows while a row is read
};

}  // namespace lehr::plugins::files
