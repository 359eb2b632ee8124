// Where the records of a text file end, found while its bytes come in: lines, paragraphs (after a
// blank line), rows of CSV (a line end outside quotes), or nowhere before the file's end.
#pragma once

#include <cstddef>
#include <string_view>

namespace lehr::plugins::files {

enum class Records { lines, paragraphs, csv, whole };

class RecordEnds {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  // Positions behind the first and the last record end in some bytes.
  struct Found {
    std::size_t first = kNone, last = kNone;
    void add(std::size_t at) {
      if (first == kNone) first = at;
      last = at;
    }
  };

  RecordEnds() = default;
  // delimiter: between fields of CSV.
  RecordEnds(Records records, char delimiter) : records_(records), delimiter_(delimiter) {}
  // The next bytes of the file.
  Found scan(std::string_view bytes);

 private:
  enum class Csv { field_start, plain, quoted, quote };
  Found scan_paragraphs(std::string_view bytes);
  Found scan_csv(std::string_view bytes);

  Records records_ = Records::lines;
  char delimiter_ = ',';
  Csv csv_ = Csv::field_start;
  bool line_is_blank_ = true;  // so far
};

}  // namespace lehr::plugins::files
