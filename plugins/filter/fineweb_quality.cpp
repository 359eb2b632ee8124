#include "fineweb_quality.h"

#include "punctuation.h"
#include "text/words_and_lines.h"
#include "threshold.h"

namespace lehr::plugins::filter {
namespace {

bool ends_in_terminal_punctuation(std::string_view line) {
  if (line.empty()) return false;
  std::size_t begin = line.size() - 1;
  while (begin > 0 && text::is_continuation(line[begin])) --begin;
  line.remove_prefix(begin);
  return is_terminal_punctuation(text::take_code_point(line));
}

}  // namespace

void FinewebQuality::describe(Description& d) {
  d.summary("drops lists and fragments, by FineWeb's quality rules");
  d.real("min_punctuated_lines", min_punctuated_lines_)
      .range(0, 1)
      .help("share of lines that end in terminal punctuation; less: line_punct_ratio");
  d.real("max_short_lines", max_short_lines_)
      .range(0, 1)
      .help("share of lines of at most short_line characters; more: short_line_ratio");
  d.count("short_line", short_line_).at_least(0).help("characters");
  d.real("max_duplicate_line_characters", max_duplicate_line_characters_)
      .range(0, 1)
      .help("share of characters in lines seen before; more: char_dup_ratio");
  d.real("max_lines_per_word", max_lines_per_word_)
      .at_least(0)
      .help("line ends per word; more: list_ratio");
  splitter_.describe(d);
}

void FinewebQuality::process(Document& document) {
  const std::string_view reason = first_failure(document.text());
  if (!reason.empty()) document.drop(reason);
}

std::string_view FinewebQuality::first_failure(std::string_view text) {
  TextTables& tables = TextTables::of(text);
  const std::vector<Line>& all = tables.lines();
  std::size_t lines = 0, punctuated = 0, short_lines = 0, repeated = 0, characters = 0;
  seen_.clear(all.size());
  for (const Line& line : all) {
    characters += line.characters;
    const std::string_view s = tables.view(line);
    if (text::strip_left(s).empty()) continue;
    ++lines;
    punctuated += ends_in_terminal_punctuation(s);
    short_lines += line.characters <= short_line_;
    if (!seen_.add(mix_hash(line.hash))) repeated += line.characters;
  }
  if (lines == 0) return "empty";
  if (below(ratio(punctuated, lines), min_punctuated_lines_)) return "line_punct_ratio";
  if (above(ratio(short_lines, lines), max_short_lines_)) return "short_line_ratio";
  if (above(ratio(repeated, characters), max_duplicate_line_characters_)) return "char_dup_ratio";
  if (is_on(max_lines_per_word_) &&
      above(ratio(all.size() - 1, tables.words(*splitter_).size()), max_lines_per_word_))
    return "list_ratio";
  return "";
}

}  // namespace lehr::plugins::filter
