#include "gopher_quality.h"

#include <algorithm>

#include "punctuation.h"
#include "text/words_and_lines.h"

namespace lehr::plugins::filter {
namespace {

// How often `part` occurs, without overlap, as str.count counts.
std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
    ++n;
  return n;
}

template <class Test>
bool any_character(std::string_view word, Test test) {
  while (!word.empty())
    if (test(text::take_code_point(word))) return true;
  return false;
}

bool is_bullet_line(std::string_view line) {
  line = text::strip_left(line);
  return line.starts_with("•") || line.starts_with("-");
}

bool is_ellipsis_line(std::string_view line) {
  line = text::strip_right(line);
  return line.ends_with("...") || line.ends_with("…");
}

// 0 of 0 is 0: a text without words has no share of anything.
double ratio(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

template <class T>
bool is_on(const std::optional<T>& threshold) {
  return threshold && *threshold != 0;
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
  d.choice("word_splitter", word_splitter_, {"whitespace"})
      .help("how text is cut into words: at whitespace, so punctuation stays with its word");
}

void GopherQuality::process(Document& document) {
  const std::string_view reason = first_failure(document.text());
  if (!reason.empty()) document.drop(reason);
}

std::string_view GopherQuality::first_failure(std::string_view text) {
  text::split_words(text, words_);
  std::size_t plain_words = 0, plain_length = 0;
  for (const std::string_view word : words_) {
    if (!any_character(word, [](char32_t c) { return !is_punctuation(c); })) continue;
    ++plain_words;
    plain_length += text::count_code_points(word);
  }
  const auto plain = static_cast<std::int64_t>(plain_words);
  if (is_on(min_words_) && plain < *min_words_) return "gopher_short_doc";
  if (is_on(max_words_) && plain > *max_words_) return "gopher_long_doc";

  if (plain_words > 0) {
    const double mean = ratio(plain_length, plain_words);
    if (is_on(min_mean_word_length_) && mean < *min_mean_word_length_)
      return "gopher_below_avg_threshold";
    if (is_on(max_mean_word_length_) && mean > *max_mean_word_length_)
      return "gopher_above_avg_threshold";
  }

  const std::size_t n = words_.size();
  if (is_on(max_symbol_ratio_)) {
    if (ratio(count(text, "#"), n) > *max_symbol_ratio_) return "gopher_too_many_hashes";
    if (ratio(count(text, "...") + count(text, "…"), n) > *max_symbol_ratio_)
      return "gopher_too_many_ellipsis";
  }

  text::split_lines(text, lines_);
  const auto line_share = [&](bool (*test)(std::string_view)) {
    return ratio(static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(), test)),
                 lines_.size());
  };
  if (is_on(max_bullet_lines_) && line_share(is_bullet_line) > *max_bullet_lines_)
    return "gopher_too_many_bullets";
  if (is_on(max_ellipsis_lines_) && line_share(is_ellipsis_line) > *max_ellipsis_lines_)
    return "gopher_too_many_end_ellipsis";

  const auto has_letter = [](std::string_view w) { return any_character(w, text::is_alphabetic); };
  const auto with_letter =
      static_cast<std::size_t>(std::count_if(words_.begin(), words_.end(), has_letter));
  if (is_on(min_alphabetic_words_) && ratio(with_letter, n) < *min_alphabetic_words_)
    return "gopher_below_alpha_threshold";

  if (is_on(min_stop_words_) && too_few_stop_words()) return "gopher_enough_stop_words";
  return "";
}

bool GopherQuality::too_few_stop_words() const {
  std::set<std::string_view> found;
  for (const std::string_view word : words_)
    if (std::find(stop_words_.begin(), stop_words_.end(), word) != stop_words_.end())
      found.insert(word);
  return static_cast<std::int64_t>(found.size()) < *min_stop_words_;
}

}  // namespace lehr::plugins::filter
