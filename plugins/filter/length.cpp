#include "length.h"

#include "text_tables.h"
#include "threshold.h"

namespace lehr::plugins::filter {

void Length::describe(Description& d) {
  d.summary("drops documents that are too short or too long");
  d.count("min_characters", min_characters_).at_least(0).help("fewer: too_few_characters");
  d.count("max_characters", max_characters_).at_least(0).help("more: too_many_characters");
  d.count("min_words", min_words_).at_least(0).help("fewer: too_few_words");
  d.count("max_words", max_words_).at_least(0).help("more: too_many_words");
}

void Length::check() {
  if (min_characters_ && above(*min_characters_, max_characters_))
    throw Error("min_characters " + std::to_string(*min_characters_) +
                " is greater than max_characters " + std::to_string(*max_characters_));
  if (min_words_ && above(*min_words_, max_words_))
    throw Error("min_words " + std::to_string(*min_words_) + " is greater than max_words " +
                std::to_string(*max_words_));
}

void Length::judge(std::string_view text, Judgement& j) {
  TextTables& tables = TextTables::of(text);
  const auto characters = [&] { return tables.characters(); };
  const auto words = [&] { return tables.words(text::WordSplitter::whitespace).size(); };
  if (j.below("too_few_characters", "characters", min_characters_, characters)) return;
  if (j.above("too_many_characters", "characters", max_characters_, characters)) return;
  if (j.below("too_few_words", "words", min_words_, words)) return;
  j.above("too_many_words", "words", max_words_, words);
}

}  // namespace lehr::plugins::filter
