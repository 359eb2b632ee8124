// The lexicon of the installed WordNet, read once.
#pragma once

#include "lexicon.h"

namespace lehr::plugins::wordnet {

inline const Lexicon& lexicon() {
  static const auto database = WordNetDatabase::read("/usr/share/wordnet");
  static const Lexicon one(database);
  return one;
}

}  // namespace lehr::plugins::wordnet
