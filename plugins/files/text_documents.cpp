#include "text_documents.h"

#include "text/line_blocks.h"

namespace lehr::plugins::files {
namespace {

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

}  // namespace

void TextDocuments::start(std::string_view bytes, std::uint64_t first_line) {
  rest_ = bytes;
  line_ = first_line - 1;
}

bool TextDocuments::next(std::string_view& text) {
  text_.clear();
  bool begun = false;
  for (std::string_view line; text::take_line(rest_, line);) {
    ++line_;
    const bool blank = is_blank(line);
    if (!begun && blank) continue;
    if (blank && unit_ == Records::paragraphs) break;
    if (begun)
      text_ += '\n';
    else
      first_line_ = line_;
    begun = true;
    text_ += line;
    if (unit_ == Records::lines) break;
  }
  while (!text_.empty() && text_.back() == '\n') text_.pop_back();
  text = text_;
  return begun;
}

}  // namespace lehr::plugins::files
