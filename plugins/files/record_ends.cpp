#include "record_ends.h"

namespace lehr::plugins::files {

RecordEnds::Found RecordEnds::scan(std::string_view bytes) {
  Found found;
  switch (records_) {
    case Records::lines:
      if (const std::size_t last = bytes.rfind('\n'); last != bytes.npos) {
        found.first = bytes.find('\n') + 1;
        found.last = last + 1;
      }
      return found;
    case Records::paragraphs:
      return scan_paragraphs(bytes);
    case Records::csv:
      return scan_csv(bytes);
    case Records::whole:
      return found;
  }
  return found;
}

RecordEnds::Found RecordEnds::scan_paragraphs(std::string_view bytes) {
  Found found;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = bytes.find('\n', at);
    const std::string_view line = bytes.substr(at, end - at);
    if (line.find_first_not_of(" \t\r\v\f") != line.npos) line_is_blank_ = false;
    if (end == bytes.npos) return found;
    at = end + 1;
    if (line_is_blank_) found.add(at);
    line_is_blank_ = true;
  }
  return found;
}

// A quote opens a quoted field only where the field begins; elsewhere in a plain field it is text.
RecordEnds::Found RecordEnds::scan_csv(std::string_view bytes) {
  Found found;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (csv_ == Csv::quoted) {
      at = bytes.find('"', at);
      if (at == bytes.npos) return found;
      csv_ = Csv::quote;
      continue;
    }
    const char c = bytes[at];
    if (c == '"' && csv_ != Csv::plain)
      csv_ = Csv::quoted;  // the field's first, or the second of a doubled one
    else if (c == '\n')
      csv_ = Csv::field_start, found.add(at + 1);
    else
      csv_ = c == delimiter_ ? Csv::field_start : Csv::plain;
  }
  return found;
}

}  // namespace lehr::plugins::files
