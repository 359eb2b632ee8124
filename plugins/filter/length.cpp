#include "length.h"

#include "text_tables.h"

namespace lehr::plugins::filter {

void Length::describe(Description& d) {
  d.summary("drops documents that are too short or too long");
  d.count("min_characters", min_characters_).at_least(0).help("fewer: too_few_characters");
  d.count("max_characters", max_characters_).at_least(0).help("more: too_many_characters");
  d.count("min_words", min_words_).at_least(0).help("fewer: too_few_words");
  d.count("max_words", max_words_).at_least(0).help("more: too_many_words");
}

void Length::check() {
  if (min_characters_ && max_characters_ && *min_characters_ > *max_characters_)
    throw Error("min_characters " + std::to_string(*min_characters_) +
                " is greater than max_characters " + std::to_string(*max_characters_));
  if (min_words_ && max_words_ && *min_words_ > *max_words_)
    throw Error("min_words " + std::to_string(*min_words_) + " is greater than max_words " +
                std::to_string(*max_words_));
}

void Length::process(Document& document) {
  if (min_characters_ || max_characters_) {
    const auto n = static_cast<std::int64_t>(TextTables::of(document.text()).characters());
    if (min_characters_ && n < *min_characters_) return document.drop("too_few_characters");
    if (max_characters_ && n > *max_characters_) return document.drop("too_many_characters");
  }
  if (min_words_ || max_words_) {
    const auto& words = TextTables::of(document.text()).words(text::WordSplitter::whitespace);
    const auto n = static_cast<std::int64_t>(words.size());
    if (min_words_ && n < *min_words_) return document.drop("too_few_words");
    if (max_words_ && n > *max_words_) return document.drop("too_many_words");
  }
}

}  // namespace lehr::plugins::filter
