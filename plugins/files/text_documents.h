// Plain text as documents: all of it, each paragraph (between blank lines) or each line. Line ends
// become \n, blank lines at both ends are left out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "record_ends.h"

namespace lehr::plugins::files {

class TextDocuments {
 public:
  // unit: whole, paragraphs or lines.
  explicit TextDocuments(Records unit) : unit_(unit) {}

  // bytes: whole units of a file; the first one begins at line `first_line`.
  void start(std::string_view bytes, std::uint64_t first_line);
  // The next document that is not blank, valid until the next call; false at the end.
  bool next(std::string_view& text);
  std::uint64_t line() const { return first_line_; }  // where that document begins

 private:
  const Records unit_;
  std::string_view rest_;
  std::uint64_t line_ = 0, first_line_ = 1;
  std::string text_;
};

}  // namespace lehr::plugins::files
