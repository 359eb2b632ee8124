// JSON Lines: one JSON value a line. Reading gives each line with its place, for messages that
// name file and line; writing gives every string one fixed escaped form, so that equal rows are
// equal bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/line_blocks.h"

namespace lehr::text {

// The data files of one split ("train", "eval") of an artifact, sorted by name: `SPLIT-*.jsonl`,
// plain, .gz or .zst. Empty if the artifact has no such split.
std::vector<std::filesystem::path> data_files(const std::filesystem::path& artifact,
                                              std::string_view split);

// Appends `text` as a JSON string: UTF-8 as it is, short escapes where JSON has them, control
// characters as \u00xx. `text` must be valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

// Behind an error about a line that is no JSON object: how a file that begins so is made into rows.
// Empty where it does not look like another form.
const char* row_form_hint(std::string_view line);

// The rows of several files in order, plain or compressed, none longer than kMaxDocumentBytes.
// Blank lines are passed over.
class JsonLinesReader {
 public:
  explicit JsonLinesReader(std::vector<std::filesystem::path> files);
  // The next row's text, valid until the next call and followed by LineBlock::kPadding readable
  // bytes. False at the end. Whether it is JSON and UTF-8 is for the parser to say.
  bool next(std::string_view& row);
  // "file:line" of the row last given.
  std::string where() const;
  std::size_t file() const { return block_.file; }  // its number in the list
  std::uint64_t line() const { return line_; }

 private:
  LineBlocks blocks_;
  LineBlock block_;
  std::string_view rest_;
  std::uint64_t line_ = 0;
};

// Writes rows to one plain file, created anew. close() or the destructor ends it; only close()
// reports what could not be written.
class JsonLinesWriter {
 public:
  explicit JsonLinesWriter(const std::filesystem::path& path);
  ~JsonLinesWriter();
  JsonLinesWriter(const JsonLinesWriter&) = delete;
  JsonLinesWriter& operator=(const JsonLinesWriter&) = delete;

  // json: one JSON value without line breaks.
  void write(std::string_view json);
  std::uint64_t rows() const { return rows_; }
  void close();

 private:
  void flush();

  std::filesystem::path path_;
  int file_ = -1;
  std::string buffer_;
  std::uint64_t rows_ = 0;
};

}  // namespace lehr::text
