#include "runtime/config/diagnostics.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <tuple>
#include <utility>

#include "runtime/config/utf8.h"

namespace lehr::runtime {
namespace {

constexpr std::size_t kMostShown = 100;  // of the mistakes in a text for a person

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Byte index of the character in `column` (from 1) of `line`.
std::size_t byte_of(std::string_view line, int column) {
  std::size_t i = 0;
  for (int c = 1; c < column && i < line.size(); ++c) do
      ++i;
    while (i < line.size() && continues_character(line[i]));
  return i;
}

// How many characters of `line` from `column` on the caret underlines: a quoted text, or a word.
int width_at(std::string_view line, int column) {
  const std::size_t begin = byte_of(line, column);
  if (begin >= line.size()) return 1;
  std::size_t end = begin;
  if (const char quote = line[begin]; quote == '"' || quote == '\'') {
    const std::size_t close = line.find(quote, begin + 1);
    end = close == std::string_view::npos ? line.size() : close + 1;
  } else {
    const auto in_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || (c & 0x80) != 0 ||
             std::string_view("_-.@=/+$*<").find(c) != std::string_view::npos;
    };
    while (end < line.size() && in_word(line[end])) ++end;
  }
  int width = 0;
  for (std::size_t i = begin; i < end; ++i) width += !continues_character(line[i]);
  return std::max(width, 1);
}

auto order(const Origin& o) {
  return std::make_tuple(o.source ? o.source->rank() : -1, o.source ? o.source->name() : "", o.line,
                         o.column);
}

void append_source_line(std::string& out, const Origin& origin, bool color) {
  if (!origin.source || origin.source->is_flag() || origin.line == 0) return;
  std::string_view line = origin.source->line(origin.line);
  if (line.empty()) return;
  // A very long line is shown around the mistake only.
  std::size_t begin = byte_of(line, origin.column);
  std::size_t cut = begin > 120 ? begin - 60 : 0;
  while (cut > 0 && continues_character(line[cut])) --cut;
  std::size_t end = std::min(line.size(), cut + 160);
  while (end < line.size() && continues_character(line[end])) ++end;
  const std::string number = std::to_string(origin.line);
  const std::string margin(std::max<int>(0, 5 - static_cast<int>(number.size())), ' ');
  const bool cut_before = cut > 0, cut_after = end < line.size();
  std::string shown(line.substr(cut, end - cut));
  // Control characters and what is not UTF-8 must not reach the terminal.
  for (std::size_t i = 0; i < shown.size();) {
    const std::size_t length = utf8_length(shown, i);
    if (length == 0)
      shown[i] = '?';
    else if (static_cast<unsigned char>(shown[i]) < 0x20 && shown[i] != '\t')
      shown[i] = ' ';
    i += length == 0 ? 1 : length;
  }
  out +=
      margin + number + " | " + (cut_before ? "..." : "") + shown + (cut_after ? "..." : "") + "\n";
  out += std::string(margin.size() + number.size(), ' ') + " | " + (cut_before ? "   " : "");
  for (std::size_t i = cut; i < begin && i < line.size(); ++i)
    if (!continues_character(line[i])) out += line[i] == '\t' ? '\t' : ' ';
  const int width = std::min(width_at(line, origin.column), 80);
  out +=
      (color ? "\033[1;32m" : "") + ("^" + std::string(width - 1, '~')) + (color ? "\033[0m" : "");
  out += '\n';
}

nlohmann::ordered_json place(const Origin& origin) {
  const std::string name = origin.source ? origin.source->name() : "";
  const bool line = origin.source && !origin.source->is_flag() && origin.line > 0;
  nlohmann::ordered_json out = {{"file", name}, {"line", line ? origin.line : 0}};
  out["column"] = line ? origin.column : 0;
  out["end_column"] =
      line ? origin.column + width_at(origin.source->line(origin.line), origin.column) : 0;
  return out;
}

}  // namespace

Diagnostic& Diagnostics::error(Origin origin, std::string message) {
  return items_.emplace_back(Diagnostic{std::move(origin), std::move(message), {}});
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> out = items_;
  std::stable_sort(out.begin(), out.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return order(a.origin) < order(b.origin);
  });
  std::set<std::pair<std::string, std::string>> seen;
  std::erase_if(
      out, [&](const Diagnostic& d) { return !seen.emplace(d.origin.text(), d.message).second; });
  return out;
}

std::string Diagnostics::text(bool color) const {
  const char *bold = color ? "\033[1m" : "", *red = color ? "\033[1;31m" : "";
  const char *cyan = color ? "\033[1;36m" : "", *plain = color ? "\033[0m" : "";
  std::string out;
  const std::vector<Diagnostic> all = sorted();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Diagnostic& d = all[i];
    if (i == kMostShown) return out + "and " + std::to_string(all.size() - i) + " more mistakes\n";
    if (d.origin.source) out += bold + d.origin.text() + ": " + plain;
    out += std::string(red) + "error: " + plain + d.message + "\n";
    append_source_line(out, d.origin, color);
    for (const auto& note : d.notes) {
      if (note.origin.source) out += bold + note.origin.text() + ": " + plain;
      out += std::string(cyan) + "note: " + plain + note.text + "\n";
      append_source_line(out, note.origin, color);
    }
  }
  return out;
}

nlohmann::ordered_json Diagnostics::json() const {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Diagnostic& d : sorted()) {
    nlohmann::ordered_json item = place(d.origin);
    item["severity"] = "error";
    item["message"] = d.message;
    if (!d.notes.empty()) {
      item["notes"] = nlohmann::ordered_json::array();
      for (const auto& note : d.notes) {
        nlohmann::ordered_json n = place(note.origin);
        n["message"] = note.text;
        item["notes"].push_back(std::move(n));
      }
    }
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace lehr::runtime
