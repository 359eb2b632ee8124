// Names that nobody bears, for questions that nothing can answer: syllables strung together,
// checked against every word of WordNet. They sound like names of their kind, so that only not
// having read them gives them away.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "random.h"
#include "wordnet_database.h"

namespace lehr::plugins::wordnet {

class MadeUpNames {
 public:
  // Names are dealt into `shares` pools by their letters; this object gives those of pool `share`,
  // so that objects of different pools never give the same name, however many they give.
  MadeUpNames(const WordNetDatabase& database, Random random, std::uint64_t share,
              std::uint64_t shares)
      : database_(database), random_(random), share_(share), shares_(shares) {}

  // A word in lower case ("brindolk"), a name ("Veltrosk"), a full name ("Orlan Veltrosk"). Never
  // the same twice.
  std::string word();
  std::string name();
  std::string full_name();

 private:
  std::string syllables(std::size_t count);

  const WordNetDatabase& database_;
  Random random_;
  std::uint64_t share_, shares_;
  std::unordered_set<std::string> given_;
};

}  // namespace lehr::plugins::wordnet
