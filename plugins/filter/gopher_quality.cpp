#include "gopher_quality.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "text/byte_vector.h"
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

// The same of "...".
std::size_t count_ellipses(std::string_view text) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text::byte_vector::find_pair(text, '.', '.', at)) != text.npos;
       at += 3)
    n += at + 2 < text.size() && text[at + 2] == '.';
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

struct WordSums {
  std::size_t plain = 0, plain_characters = 0, with_letter = 0;
  explicit WordSums(const std::vector<Word>& words) {
    for (const Word& w : words) {
      plain += w.plain;
      plain_characters += w.plain ? w.characters : 0;
      with_letter += w.letter;
    }
  }
};

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

void GopherQuality::check() {
  splitter_.check();
  if (min_words_ && above(*min_words_, max_words_))
    throw Error("min_words " + std::to_string(*min_words_) + " is greater than max_words " +
                std::to_string(*max_words_));
  if (min_mean_word_length_ && above(*min_mean_word_length_, max_mean_word_length_))
    throw Error("min_mean_word_length " + json_number(*min_mean_word_length_) +
                " is greater than max_mean_word_length " + json_number(*max_mean_word_length_));
}

std::string GopherQuality::measured_by() {
  std::string all = splitter_.name();
  for (const std::string& word : stop_words_) (all += '\0') += word;
  return all;
}

void GopherQuality::judge(std::string_view text, Judgement& j) {
  TextTables& tables = TextTables::of(text);
  const auto words = [&]() -> const std::vector<Word>& { return splitter_.words(tables); };
  std::optional<WordSums> sums;
  const auto sum = [&]() -> const WordSums& { return sums ? *sums : sums.emplace(words()); };
  const auto plain_words = [&] { return sum().plain; };
  if (j.below("gopher_short_doc", "words", min_words_, plain_words)) return;
  if (j.above("gopher_long_doc", "words", max_words_, plain_words)) return;

  const auto mean_length = [&] {
    return sum().plain > 0 ? ratio(sum().plain_characters, sum().plain) : std::nan("");
  };
  constexpr auto kMeanLength = "mean_word_length";
  if (j.below("gopher_below_avg_threshold", kMeanLength, min_mean_word_length_, mean_length))
    return;
  if (j.above("gopher_above_avg_threshold", kMeanLength, max_mean_word_length_, mean_length))
    return;

  const auto hashes = [&] { return ratio(count(text, "#"), splitter_.count_words(tables)); };
  const auto ellipses = [&] {
    return ratio(count_ellipses(text) + count(text, "…"), splitter_.count_words(tables));
  };
  if (j.above("gopher_too_many_hashes", "hashes_per_word", max_symbol_ratio_, hashes)) return;
  if (j.above("gopher_too_many_ellipsis", "ellipses_per_word", max_symbol_ratio_, ellipses)) return;

  bool have_lines = false;
  const auto line_share = [&](bool (*test)(std::string_view)) {
    if (!std::exchange(have_lines, true)) text::split_lines(text, lines_);
    return ratio(static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(), test)),
                 lines_.size());
  };
  if (j.above("gopher_too_many_bullets", "bullet_lines", max_bullet_lines_,
              [&] { return line_share(is_bullet_line); }))
    return;
  if (j.above("gopher_too_many_end_ellipsis", "ellipsis_lines", max_ellipsis_lines_,
              [&] { return line_share(is_ellipsis_line); }))
    return;

  if (j.below("gopher_below_alpha_threshold", "alphabetic_words", min_alphabetic_words_,
              [&] { return ratio(sum().with_letter, splitter_.count_words(tables)); }))
    return;
  j.below("gopher_enough_stop_words", "stop_words", min_stop_words_, [&] {
    return different_stop_words(
        tables, j.wants_all() ? std::numeric_limits<std::int64_t>::max() : *min_stop_words_);
  });
}

std::int64_t GopherQuality::different_stop_words(TextTables& tables, std::int64_t enough) {
  if (stop_hashes_.empty()) {
    for (const std::string& word : std::set<std::string>(stop_words_.begin(), stop_words_.end()))
      stop_hashes_.push_back(hash_bytes(word));
    std::sort(stop_hashes_.begin(), stop_hashes_.end());
  }
  stop_found_.assign(stop_hashes_.size(), false);
  std::int64_t found = 0;
  for (const Word& w : splitter_.words(tables)) {
    const auto at = std::lower_bound(stop_hashes_.begin(), stop_hashes_.end(), w.hash);
    if (at == stop_hashes_.end() || *at != w.hash) continue;
    const auto which = static_cast<std::size_t>(at - stop_hashes_.begin());
    if (stop_found_[which]) continue;
    stop_found_[which] = true;
    if (++found >= enough) return found;
  }
  return found;
}

}  // namespace lehr::plugins::filter
