#include "terminal_text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

namespace lehr::cli {
namespace {

// Bytes of the ANSI sequence that begins at `at`; 0 if none does.
std::size_t escape_length(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\033[") return 0;
  const std::size_t end = text.find('m', at);
  return end == std::string_view::npos ? 0 : end + 1 - at;
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::size_t text_width(std::string_view text) {
  if (text.find('\033') == std::string_view::npos)
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (const std::size_t escape = escape_length(text, i); escape > 0) {
      i += escape;
      continue;
    }
    width += begins_character(text[i]);
    ++i;
  }
  return width;
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t now = text_width(text);
  return now < width ? text.append(width - now, ' ') : text;
}

std::string right_aligned(std::string text, std::size_t width) {
  const std::size_t now = text_width(text);
  return now < width ? text.insert(0, width - now, ' ') : text;
}

std::string shortened(const std::string& text, std::size_t width) {
  if (text_width(text) <= width || width == 0) return text;
  std::string out;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = escape_length(text, i);
    if (length == 0) {
      if (++used == width) break;
      for (length = 1; i + length < text.size() && !begins_character(text[i + length]);) ++length;
    }
    out += text.substr(i, length);
    i += length;
  }
  return out + (text.find('\033') == std::string::npos ? "…" : "…\033[0m");
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    std::string& line = lines.back();
    if (!line.empty() && text_width(line) + 1 + text_width(word) > width)
      lines.push_back(word);
    else
      line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return lines;
}

std::string without_trailing_spaces(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string shell_word(const std::string& text) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) || c >= 0x80 ||
           std::string_view("_-./=:,+@%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::size_t terminal_width(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

std::size_t line_limit(int fd) { return ::isatty(fd) ? terminal_width(fd) : 0; }

void TextTable::row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::string TextTable::text(std::string_view indent, std::size_t width) const {
  std::vector<std::size_t> widths(alignment_.size(), 0);
  for (const auto& cells : rows_)
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], text_width(cells[i]));
  std::string out;
  for (const auto& cells : rows_) {
    std::string line(indent);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::size_t space = widths[i] - text_width(cells[i]);
      if (i > 0) line += "  ";
      if (alignment_[i] == 'r') line.append(space, ' ');
      line += cells[i];
      if (alignment_[i] != 'r') line.append(space, ' ');
    }
    line = without_trailing_spaces(std::move(line));
    out += (width > 0 ? shortened(line, width) : line) + "\n";
  }
  return out;
}

}  // namespace lehr::cli
