#include "gopher_repetition.h"

#include "threshold.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::size_t kFirstTop = 2, kFirstRepeated = 5;
constexpr const char* kTopReasons[] = {"top_2_gram", "top_3_gram", "top_4_gram"};
constexpr const char* kRepeatedReasons[] = {"duplicated_5_n_grams", "duplicated_6_n_grams",
                                            "duplicated_7_n_grams", "duplicated_8_n_grams",
                                            "duplicated_9_n_grams", "duplicated_10_n_grams"};

}  // namespace

void GopherRepetition::describe(Description& d) {
  d.summary("drops documents that repeat themselves, by Gopher's rules");
  d.real("max_duplicate_paragraphs", max_duplicate_paragraphs_)
      .range(0, 1)
      .help("share of paragraphs; more: dup_para_frac");
  d.real("max_duplicate_paragraph_characters", max_duplicate_paragraph_characters_)
      .range(0, 1)
      .help("share of characters in them; more: dup_para_char_frac");
  d.real("max_duplicate_lines", max_duplicate_lines_)
      .range(0, 1)
      .help("share of lines; more: dup_line_frac");
  d.real("max_duplicate_line_characters", max_duplicate_line_characters_)
      .range(0, 1)
      .help("share of characters in them; more: dup_line_char_frac");
  d.list("max_top_ngrams", max_top_ngrams_, "float")
      .range(0, 1)
      .help("share of characters in the most frequent run of 2, 3 and 4 words; more: top_N_gram");
  d.list("max_repeated_ngrams", max_repeated_ngrams_, "float")
      .range(0, 1)
      .help(
          "share of characters in repeated runs of 5, 6, ... 10 words; more: "
          "duplicated_N_n_grams");
  d.choice("dup_semantics", dup_semantics_, {"datatrove", "dolma"})
      .help(
          "what counts as a duplicate: every occurrence after the first, or all of them; see "
          "the plugin's README");
  splitter_.describe(d);
}

void GopherRepetition::check() {
  if (max_top_ngrams_.size() > std::size(kTopReasons))
    throw Error("max_top_ngrams has thresholds for runs of 2, 3 and 4 words only, not " +
                std::to_string(max_top_ngrams_.size()) + " of them");
  if (max_repeated_ngrams_.size() > std::size(kRepeatedReasons))
    throw Error("max_repeated_ngrams has thresholds for runs of 5 to 10 words only, not " +
                std::to_string(max_repeated_ngrams_.size()) + " of them");
}

void GopherRepetition::process(Document& document) {
  const std::string_view reason = first_failure(document.text());
  if (!reason.empty()) document.drop(reason);
}

std::string_view GopherRepetition::first_failure(std::string_view text) {
  if (text.empty()) return "empty";
  TextTables& tables = TextTables::of(text);
  const auto count = dolma() ? RepeatedParts::Count::all : RepeatedParts::Count::but_the_first;
  const std::vector<Word>& words = tables.words(*splitter_);
  std::size_t characters = tables.characters();
  if (dolma()) {
    characters = 0;
    for (const Word& w : words) characters += w.characters;
  }

  if (is_on(max_duplicate_paragraphs_) || is_on(max_duplicate_paragraph_characters_)) {
    const Repeats r = repeated_.paragraphs(tables, count);
    if (above(ratio(r.repeated, r.parts), max_duplicate_paragraphs_)) return "dup_para_frac";
    if (above(ratio(r.characters, characters), max_duplicate_paragraph_characters_))
      return "dup_para_char_frac";
  }
  if (is_on(max_duplicate_lines_) || is_on(max_duplicate_line_characters_)) {
    const Repeats r = repeated_.lines(tables, dolma(), count);
    if (above(ratio(r.repeated, r.parts), max_duplicate_lines_)) return "dup_line_frac";
    if (above(ratio(r.characters, characters), max_duplicate_line_characters_))
      return "dup_line_char_frac";
  }

  repeated_.begin_words(tables, words);
  for (std::size_t k = 0; k < max_top_ngrams_.size(); ++k)
    if (max_top_ngrams_[k] > 0 &&
        top_ngram_share(kFirstTop + k, characters, max_top_ngrams_[k]) > max_top_ngrams_[k])
      return kTopReasons[k];
  for (std::size_t k = 0; k < max_repeated_ngrams_.size(); ++k)
    if (max_repeated_ngrams_[k] > 0 &&
        repeated_ngram_share(kFirstRepeated + k, characters, max_repeated_ngrams_[k]) >
            max_repeated_ngrams_[k])
      return kRepeatedReasons[k];
  return "";
}

// Both give the share itself where it may be more than `most`, else something that is not.

double GopherRepetition::top_ngram_share(std::size_t n, std::size_t characters, double most) {
  if (n > kFirstTop && max_top_ngrams_[0] > 0) {
    const double bound = ratio(repeated_.most_of_longer_top_ngram(), characters);
    if (bound <= most) return bound;
  }
  return ratio(repeated_.top_ngram(n, !dolma()), characters);
}

double GopherRepetition::repeated_ngram_share(std::size_t n, std::size_t characters, double most) {
  if (dolma()) {
    const Repeats r = repeated_.overlapping_ngrams(n);
    return ratio(r.characters, r.parts);
  }
  const double bound = ratio(repeated_.most_repeated_ngrams(n), characters);
  return bound <= most ? bound : ratio(repeated_.repeated_ngrams(n), characters);
}

}  // namespace lehr::plugins::filter
