// Plain text as documents: a whole file, each paragraph (between blank lines) or each line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "text/documents.h"

namespace lehr::plugins::files {

class TextDocuments {
 public:
  // unit: "file", "paragraph" or "line". A file that is one document may have 1 GiB.
  TextDocuments(std::filesystem::path path, std::string_view unit, text::InvalidUtf8 invalid_utf8);

  // The next document that is not blank, valid until the next call; false at the end. Throws Error
  // with file and line for text that is not UTF-8, or counts it, as asked for.
  bool next(std::string_view& text);
  std::uint64_t line() const { return first_line_; }  // where that document begins
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t replaced() const { return replaced_; }

 private:
  bool next_unit();
  bool take(std::string_view& line);
  bool admit();

  std::filesystem::path path_;
  std::string unit_;
  text::InvalidUtf8 invalid_utf8_;
  text::LineBlocks blocks_;
  text::LineBlock block_;
  std::string_view rest_;
  std::uint64_t line_ = 0, first_line_ = 1, dropped_ = 0, replaced_ = 0;
  std::string text_;
};

}  // namespace lehr::plugins::files
