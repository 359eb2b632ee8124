#include "text_documents.h"

#include <lehr/value.h>

#include <utility>

#include "text/utf8_repair.h"

namespace lehr::plugins::files {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 30;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

}  // namespace

TextDocuments::TextDocuments(std::filesystem::path path, std::string_view unit,
                             text::InvalidUtf8 invalid_utf8)
    : path_(std::move(path)), unit_(unit), invalid_utf8_(invalid_utf8), blocks_({path_}) {}

bool TextDocuments::take(std::string_view& line) {
  while (!text::take_line(rest_, line)) {
    if (!blocks_.next(block_)) return false;
    rest_ = block_.bytes();
  }
  if (++line_ == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  return true;
}

// Puts lines together until the document ends; false if there are none left.
bool TextDocuments::next_unit() {
  text_.clear();
  bool begun = false;
  for (std::string_view line; take(line);) {
    const bool blank = is_blank(line);
    if (!begun && blank) continue;
    if (blank && unit_ == "paragraph") return true;
    if (begun)
      text_ += '\n';
    else
      first_line_ = line_;
    begun = true;
    text_ += line;
    if (unit_ == "line") return true;
    if (text_.size() > kMaxFile)
      throw Error(path_.string() + ":" + std::to_string(first_line_) +
                  ": a document of more than 1 GiB; set text_unit to 'paragraph' or 'line'");
  }
  return begun;
}

bool TextDocuments::admit() {
  if (text::is_valid_utf8(text_)) return true;
  if (invalid_utf8_ == text::InvalidUtf8::error)
    throw Error(path_.string() + ":" + std::to_string(first_line_) +
                ": the document that begins here is not valid UTF-8; set invalid_utf8 to "
                "'replace' or 'drop' to go on");
  if (invalid_utf8_ == text::InvalidUtf8::drop) return ++dropped_, false;
  text_ = text::replace_invalid_utf8(text_);
  return ++replaced_, true;
}

bool TextDocuments::next(std::string_view& text) {
  while (next_unit()) {
    while (!text_.empty() && text_.back() == '\n') text_.pop_back();
    if (!admit()) continue;
    text = text_;
    return true;
  }
  return false;
}

}  // namespace lehr::plugins::files
