#include "gopher_quality.h"

#include <algorithm>
#include <set>

#include "text/words_and_lines.h"
#include "threshold.h"

namespace lehr::plugins::filter {
namespace {

// How often `part` occurs, without overlap, as str.count counts.
std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
    ++n;
  return n;
}

bool is_bullet_line(std::string_view line) {
  line = text::strip_left(line);
  return line.starts_with("•") || line.starts_with("-");
}

bool is_ellipsis_line(std::string_view line) {
  line = text::strip_right(line);
  return line.ends_with("...") || line.ends_with("…");
}

}  // namespace

void GopherQuality::describe(Description& d) {
  d.summary("drops documents that break one of Gopher's quality rules");
  d.count("min_words", min_words_)
      .at_least(0)
      .help("fewer words that are not punctuation: gopher_short_doc");
  d.count("max_words", max_words_).at_least(0).help("more: gopher_long_doc");
  d.real("min_mean_word_length", min_mean_word_length_)
      .at_least(0)
      .help("characters; less: gopher_below_avg_threshold");
  d.real("max_mean_word_length", max_mean_word_length_)
      .at_least(0)
      .help("characters; more: gopher_above_avg_threshold");
  d.real("max_symbol_ratio", max_symbol_ratio_)
      .at_least(0)
      .help("per word, more '#': gopher_too_many_hashes, more ellipses: gopher_too_many_ellipsis");
  d.real("max_bullet_lines", max_bullet_lines_)
      .range(0, 1)
      .help("share of lines that begin with a bullet; more: gopher_too_many_bullets");
  d.real("max_ellipsis_lines", max_ellipsis_lines_)
      .range(0, 1)
      .help("share of lines that end in an ellipsis; more: gopher_too_many_end_ellipsis");
  d.real("min_alphabetic_words", min_alphabetic_words_)
      .range(0, 1)
      .help("share of words with a letter; less: gopher_below_alpha_threshold");
  d.count("min_stop_words", min_stop_words_)
      .at_least(0)
      .help("different stop words in the text; fewer: gopher_enough_stop_words");
  d.list("stop_words", stop_words_, "string").help("case-sensitive");
  splitter_.describe(d);
}

void GopherQuality::process(Document& document) {
  const std::string_view reason = first_failure(document.text());
  if (!reason.empty()) document.drop(reason);
}

std::string_view GopherQuality::first_failure(std::string_view text) {
  TextTables& tables = TextTables::of(text);
  const std::vector<Word>& words = tables.words(*splitter_);
  std::size_t plain = 0, plain_characters = 0, with_letter = 0;
  for (const Word& w : words) {
    plain += w.plain;
    plain_characters += w.plain ? w.characters : 0;
    with_letter += w.letter;
  }
  const auto plain_words = static_cast<std::int64_t>(plain);
  if (below(plain_words, min_words_)) return "gopher_short_doc";
  if (above(plain_words, max_words_)) return "gopher_long_doc";

  if (plain > 0) {
    const double mean = ratio(plain_characters, plain);
    if (below(mean, min_mean_word_length_)) return "gopher_below_avg_threshold";
    if (above(mean, max_mean_word_length_)) return "gopher_above_avg_threshold";
  }

  if (is_on(max_symbol_ratio_)) {
    if (above(ratio(count(text, "#"), words.size()), max_symbol_ratio_))
      return "gopher_too_many_hashes";
    const std::size_t ellipses = count(text, "...") + count(text, "…");
    if (above(ratio(ellipses, words.size()), max_symbol_ratio_)) return "gopher_too_many_ellipsis";
  }

  text::split_lines(text, lines_);
  const auto line_share = [&](bool (*test)(std::string_view)) {
    return ratio(static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(), test)),
                 lines_.size());
  };
  if (above(line_share(is_bullet_line), max_bullet_lines_)) return "gopher_too_many_bullets";
  if (above(line_share(is_ellipsis_line), max_ellipsis_lines_))
    return "gopher_too_many_end_ellipsis";

  if (below(ratio(with_letter, words.size()), min_alphabetic_words_))
    return "gopher_below_alpha_threshold";
  if (is_on(min_stop_words_) && too_few_stop_words(tables)) return "gopher_enough_stop_words";
  return "";
}

bool GopherQuality::too_few_stop_words(TextTables& tables) {
  if (stop_hashes_.empty()) {
    for (const std::string& word : std::set<std::string>(stop_words_.begin(), stop_words_.end()))
      stop_hashes_.push_back(hash_bytes(word));
    std::sort(stop_hashes_.begin(), stop_hashes_.end());
  }
  stop_found_.assign(stop_hashes_.size(), false);
  std::int64_t found = 0;
  for (const Word& w : tables.words(*splitter_)) {
    const auto at = std::lower_bound(stop_hashes_.begin(), stop_hashes_.end(), w.hash);
    if (at == stop_hashes_.end() || *at != w.hash) continue;
    const auto which = static_cast<std::size_t>(at - stop_hashes_.begin());
    if (stop_found_[which]) continue;
    stop_found_[which] = true;
    if (++found >= *min_stop_words_) return false;
  }
  return found < *min_stop_words_;
}

}  // namespace lehr::plugins::filter
