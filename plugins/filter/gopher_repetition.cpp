#include "gopher_repetition.h"

#include "threshold.h"

namespace lehr::plugins::filter {
namespace {

constexpr std::size_t kFirstTop = 2, kFirstRepeated = 5;
struct Ngrams {
  const char *reason, *measure;
};
constexpr Ngrams kTop[] = {
    {"top_2_gram", "top_2_gram"}, {"top_3_gram", "top_3_gram"}, {"top_4_gram", "top_4_gram"}};
constexpr Ngrams kRepeated[] = {
    {"duplicated_5_n_grams", "repeated_5_grams"}, {"duplicated_6_n_grams", "repeated_6_grams"},
    {"duplicated_7_n_grams", "repeated_7_grams"}, {"duplicated_8_n_grams", "repeated_8_grams"},
    {"duplicated_9_n_grams", "repeated_9_grams"}, {"duplicated_10_n_grams", "repeated_10_grams"}};

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
  splitter_.check();
  if (max_top_ngrams_.size() > std::size(kTop))
    throw Error("max_top_ngrams has thresholds for runs of 2, 3 and 4 words only, not " +
                std::to_string(max_top_ngrams_.size()) + " of them");
  if (max_repeated_ngrams_.size() > std::size(kRepeated))
    throw Error("max_repeated_ngrams has thresholds for runs of 5 to 10 words only, not " +
                std::to_string(max_repeated_ngrams_.size()) + " of them");
}

std::string GopherRepetition::measured_by() { return splitter_.name() + " " + dup_semantics_; }

std::size_t GopherRepetition::all_characters(TextTables& tables) {
  if (!dolma()) return tables.characters();
  std::size_t characters = 0;
  for (const Word& w : splitter_.words(tables)) characters += w.characters;
  return characters;
}

void GopherRepetition::judge(std::string_view text, Judgement& j) {
  if (text.empty()) return j.fail("empty");
  TextTables& tables = TextTables::of(text);
  const auto count = dolma() ? RepeatedParts::Count::all : RepeatedParts::Count::but_the_first;
  std::optional<Repeats> paragraphs, lines;
  const auto repeated = [&](std::optional<Repeats>& kept) -> const Repeats& {
    if (!kept)
      kept = &kept == &lines ? repeated_.lines(tables, dolma(), count)
                             : repeated_.paragraphs(tables, count);
    return *kept;
  };
  const auto share = [&](std::optional<Repeats>& kept) {
    return [&] { return ratio(repeated(kept).repeated, repeated(kept).parts); };
  };
  const auto characters_share = [&](std::optional<Repeats>& kept) {
    return [&] { return ratio(repeated(kept).characters, all_characters(tables)); };
  };
  if (j.above("dup_para_frac", "duplicate_paragraphs", max_duplicate_paragraphs_,
              share(paragraphs)))
    return;
  if (j.above("dup_para_char_frac", "duplicate_paragraph_characters",
              max_duplicate_paragraph_characters_, characters_share(paragraphs)))
    return;
  if (j.above("dup_line_frac", "duplicate_lines", max_duplicate_lines_, share(lines))) return;
  if (j.above("dup_line_char_frac", "duplicate_line_characters", max_duplicate_line_characters_,
              characters_share(lines)))
    return;
  judge_ngrams(tables, j);
}

void GopherRepetition::judge_ngrams(TextTables& tables, Judgement& j) {
  std::optional<std::size_t> characters;  // once there are words to look at
  const auto begin = [&] {
    if (characters) return;
    characters = all_characters(tables);
    repeated_.begin_words(tables, splitter_.words(tables));
  };
  const auto threshold = [](const std::vector<double>& of, std::size_t k) {
    return k < of.size() ? std::optional(of[k]) : std::nullopt;
  };
  // A share that is not more than its threshold need not be exact, unless it is written down.
  const auto enough = [&](const std::optional<double>& most) { return j.wants_all() ? -1 : *most; };
  for (std::size_t k = 0; k < std::size(kTop); ++k) {
    const auto most = threshold(max_top_ngrams_, k);
    if (j.above(kTop[k].reason, kTop[k].measure, most, [&] {
          begin();
          return top_ngram_share(kFirstTop + k, *characters, enough(most));
        }))
      return;
  }
  for (std::size_t k = 0; k < std::size(kRepeated); ++k) {
    const auto most = threshold(max_repeated_ngrams_, k);
    if (j.above(kRepeated[k].reason, kRepeated[k].measure, most, [&] {
          begin();
          return repeated_ngram_share(kFirstRepeated + k, *characters, enough(most));
        }))
      return;
  }
}

// Both give the share itself where it may be more than `most`, else something that is not.

double GopherRepetition::top_ngram_share(std::size_t n, std::size_t characters, double most) {
  const double bound = ratio(repeated_.most_of_top_ngram(n), characters);
  if (bound <= most) return bound;
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
