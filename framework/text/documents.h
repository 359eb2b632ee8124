// Documents: the rows {"id","text",...} of a `documents` artifact, read as a stream and written as
// zstd frames. A Document is a view; its id and text are unescaped, its other fields stay the JSON
// they were, numbers beyond 64 bits too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/compressed_file.h"
#include "text/json_lines.h"
#include "text/line_blocks.h"

namespace lehr::text {

struct Document {
  std::string_view id;      // empty if the row has none, or null
  std::string_view text;    // valid UTF-8
  std::string_view fields;  // the other members as one JSON object text; empty if there are none
};

enum class InvalidUtf8 { error, replace, drop };
enum class Malformed { error, drop };

struct DocumentOptions {
  std::string text_field = "text";
  std::string id_field = "id";
  InvalidUtf8 invalid_utf8 = InvalidUtf8::error;
  Malformed malformed = Malformed::error;
  // What to do about a row without text_field: behind the error that lists the fields it has.
  std::string text_missing = R"(A document is {"id": TEXT, "text": TEXT, ...})";
  std::string malformed_advice = {};  // the same, behind the error about any row that is malformed
};

struct DocumentCounts {
  std::uint64_t documents = 0, text_bytes = 0;
  std::uint64_t malformed_dropped = 0, invalid_utf8_dropped = 0, invalid_utf8_replaced = 0;
  struct Dropped {
    const char* reason;  // "malformed", "invalid_utf8"
    std::uint64_t line;
    std::string what;
  };
  std::vector<Dropped> examples;  // the first few of those dropped
  void operator+=(const DocumentCounts& other);
};

// Goes through the documents of a block. One object per thread.
class DocumentParser {
 public:
  explicit DocumentParser(DocumentOptions options = {});
  ~DocumentParser();
  DocumentParser(DocumentParser&&) noexcept;

  // file: named in messages. The block must stay as it is until it is done.
  void start(const LineBlock& block, std::string file);
  // The same for lines that stand elsewhere, followed by LineBlock::kPadding readable bytes.
  void start(std::string_view lines, std::uint64_t first_line, std::string file);
  // The next document, valid until the next call; `line`: its row as it stands in the file. False
  // at the end of the block. Throws Error with file and line, or counts, as the options say.
  bool next(Document& document, std::string_view& line);
  std::uint64_t line_number() const;
  const DocumentCounts& counts() const;
  // The counts since this was called last.
  DocumentCounts take_counts();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The documents of several files in order, on one thread, in bounded memory.
class DocumentReader {
 public:
  explicit DocumentReader(std::vector<std::filesystem::path> files, DocumentOptions options = {});
  // False at the end.
  bool next(Document& document);
  // "file:line" of the document last given.
  std::string where() const;
  const DocumentCounts& counts() const { return parser_.counts(); }
  // Bytes consumed of the (compressed) files and their sum, for progress.
  std::uint64_t position() const { return blocks_.position(); }
  std::uint64_t total_bytes() const { return blocks_.total_bytes(); }

 private:
  LineBlocks blocks_;
  LineBlock block_;
  DocumentParser parser_;
};

// What a member is called beside the document's own id and text: where they come from other
// members, `id` and `text` become `original_id` and `original_text`.
std::string_view kept_name(std::string_view name);

// Appends {"id":...,"text":...,<fields>} and a line end. fields: a JSON object text or empty.
// Throws Error if that is longer than kMaxLineBytes, so that nothing is written that is not read.
void append_document(std::string& out, const Document& document);

// A file of zstd frames, made anew or, with `length`, cut to that length and gone on with. What
// append() was given is with the operating system when it returns.
class FrameFile {
 public:
  explicit FrameFile(std::filesystem::path path, std::uint64_t length = 0);
  ~FrameFile();
  FrameFile(FrameFile&&) noexcept;
  FrameFile& operator=(FrameFile&&) noexcept;
  void append(std::string_view frames);
  std::uint64_t length() const { return length_; }
  void close();

 private:
  std::filesystem::path path_;
  int file_ = -1;
  std::uint64_t length_ = 0;
};

// Writes SPLIT-00000.jsonl.zst, of which blocks of about 8 MiB are in memory; the same documents
// give the same bytes. close() must be called; without it the file lacks its end.
class DocumentWriter {
 public:
  explicit DocumentWriter(const std::filesystem::path& directory, std::string_view split = "train");
  void write(const Document& document);
  std::uint64_t documents() const { return documents_; }
  std::uint64_t text_bytes() const { return text_bytes_; }
  void close();

 private:
  void end_block();

  FrameFile file_;
  FrameCompressor compressor_;
  std::string block_;
  std::uint64_t documents_ = 0, text_bytes_ = 0;
};

}  // namespace lehr::text
