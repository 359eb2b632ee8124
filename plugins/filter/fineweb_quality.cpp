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

std::string FinewebQuality::measured_by() {
  return splitter_.name() + " " + std::to_string(short_line_);
}

FinewebQuality::LineSums FinewebQuality::sum_lines(TextTables& tables) {
  LineSums sums;
  const std::vector<Line>& all = tables.lines();
  seen_.clear(all.size());
  for (const Line& line : all) {
    sums.characters += line.characters;
    const std::string_view s = tables.view(line);
    if (text::strip_left(s).empty()) continue;
    ++sums.lines;
    sums.punctuated += ends_in_terminal_punctuation(s);
    sums.short_lines += line.characters <= short_line_;
    if (!seen_.add(mix_hash(line.hash))) sums.repeated_characters += line.characters;
  }
  return sums;
}

void FinewebQuality::judge(std::string_view text, Judgement& j) {
  TextTables& tables = TextTables::of(text);
  std::optional<LineSums> sums;
  const auto sum = [&]() -> const LineSums& {
    return sums ? *sums : sums.emplace(sum_lines(tables));
  };
  if (j.below("empty", "lines", std::optional<int>(1), [&] { return sum().lines; })) return;
  if (j.below("line_punct_ratio", "punctuated_lines", min_punctuated_lines_,
              [&] { return ratio(sum().punctuated, sum().lines); }))
    return;
  if (j.above("short_line_ratio", "short_lines", max_short_lines_,
              [&] { return ratio(sum().short_lines, sum().lines); }))
    return;
  if (j.above("char_dup_ratio", "duplicate_line_characters", max_duplicate_line_characters_,
              [&] { return ratio(sum().repeated_characters, sum().characters); }))
    return;
  j.above("list_ratio", "lines_per_word", max_lines_per_word_,
          [&] { return ratio(tables.lines().size() - 1, splitter_.count_words(tables)); });
}

}  // namespace lehr::plugins::filter
