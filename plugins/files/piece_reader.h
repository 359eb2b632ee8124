// The documents of a piece, whatever form its file has. What is not a document is an Error with
// file and line, or dropped and counted with examples, as the rules say.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "csv_rows.h"
#include "source_blocks.h"
#include "text/documents.h"
#include "text_documents.h"

namespace lehr::plugins::files {

struct DocumentRules {
  text::DocumentOptions options;  // fields and policies
  text::Encoding encoding = text::Encoding::utf8;
  Records text_records = Records::whole;
};

// For one thread.
class PieceReader {
 public:
  using Put = std::function<void(const text::Document&)>;
  explicit PieceReader(DocumentRules rules);

  // `piece` of `block`, a part of `source`. A document without an id is named by file and line.
  void read(const SourceBlock& block, const Piece& piece, const Source& source,
            text::CollectionTally& tally, const Put& put);

 private:
  // Which columns hold what, by the first row of a file.
  struct Columns {
    std::filesystem::path file;
    std::uint64_t line = 1;          // of the names
    std::vector<std::string> names;  // as documents call them
    std::size_t text = 0;
    std::optional<std::size_t> id;
  };

  void read_json(std::string_view bytes, std::uint64_t first_line);
  void read_text(std::string_view bytes, std::uint64_t first_line);
  void read_csv(std::string_view bytes, std::uint64_t first_line);
  void read_columns();
  // A document whose bytes nobody has looked at: decides, names and gives it.
  void admit(std::string_view id, std::string_view text, std::string_view fields,
             std::uint64_t line);
  void reject(const char* reason, std::uint64_t line, const std::string& what);
  std::string place(std::uint64_t line) const;

  const DocumentRules rules_;
  text::DocumentParser json_;
  TextDocuments text_;
  Columns columns_;
  // Of the piece being read.
  const Source* source_ = nullptr;
  text::CollectionTally* tally_ = nullptr;
  const Put* put_ = nullptr;
  std::string id_, fields_, repaired_[3];
};

}  // namespace lehr::plugins::files
