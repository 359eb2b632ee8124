#include "csv_rows.h"

#include "text/line_blocks.h"

namespace lehr::plugins::files {

void CsvRows::start(std::string_view rows, std::uint64_t first_line) {
  rest_ = rows;
  next_line_ = first_line;
}

// Behind the opening quote; what follows the closing one up to the delimiter is a problem.
std::string_view CsvRows::take_quoted() {
  std::string_view field;
  const std::size_t begun = unescaped_.size();
  for (;;) {
    const std::size_t quote = rest_.find('"');
    const std::string_view part = rest_.substr(0, quote);
    next_line_ += text::count_line_ends(part);
    const bool doubled = quote != rest_.npos && quote + 1 < rest_.size() && rest_[quote + 1] == '"';
    if (!doubled && unescaped_.size() == begun) {
      field = part;
    } else {
      unescaped_ += part;
      if (doubled) unescaped_ += '"';
      field = std::string_view(unescaped_).substr(begun);
    }
    if (quote == rest_.npos) {
      problem_ = "a quoted field is never closed";
      rest_ = {};
      return field;
    }
    rest_.remove_prefix(quote + (doubled ? 2 : 1));
    if (!doubled) break;
  }
  if (!rest_.empty() && rest_[0] != delimiter_ && rest_[0] != '\n' && !rest_.starts_with("\r\n") &&
      rest_ != "\r") {
    problem_ = "there is text behind the closing quote of a field";
    take_plain();
  }
  return field;
}

std::string_view CsvRows::take_plain() {
  const char ends[] = {delimiter_, '\n'};
  const std::size_t end = rest_.find_first_of(std::string_view(ends, 2));
  std::string_view field = rest_.substr(0, end);
  const bool row_ends = end == rest_.npos || rest_[end] == '\n';
  rest_.remove_prefix(field.size());
  if (row_ends && field.ends_with('\r')) field.remove_suffix(1);
  return field;
}

bool CsvRows::next(std::vector<std::string_view>& fields) {
  while (rest_.starts_with('\n') || rest_.starts_with("\r\n")) {
    rest_.remove_prefix(rest_[0] == '\n' ? 1 : 2);
    ++next_line_;
  }
  if (rest_.empty()) return false;
  line_ = next_line_;
  problem_ = {};
  fields.clear();
  unescaped_.clear();
  unescaped_.reserve(rest_.size());  // so that views into it stay
  for (;;) {
    if (rest_.starts_with('"')) {
      rest_.remove_prefix(1);
      fields.push_back(take_quoted());
    } else {
      fields.push_back(take_plain());
    }
    if (rest_.starts_with('\r')) rest_.remove_prefix(1);
    if (rest_.empty()) return true;
    const char end = rest_[0];
    rest_.remove_prefix(1);
    if (end == '\n') return ++next_line_, true;
  }
}

}  // namespace lehr::plugins::files
