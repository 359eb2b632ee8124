// Names that nobody bears, for questions that nothing can answer. They are spelled like real names
// of their kind (see letter_chain.h), so that only not having read them gives them away: with names
// of a sound of their own, a model would learn the sound.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "letter_chain.h"
#include "lexicon.h"
#include "random.h"

namespace lehr::plugins::wordnet {

// What the names of WordNet look like.
struct NameKinds {
  explicit NameKinds(const Lexicon& lexicon);
  LetterChain nouns, adjectives;         // common ones, in lower case
  LetterChain places, surnames;          // of one word, with their capital
  std::vector<std::string> first_names;  // real ones
};

class MadeUpNames {
 public:
  // Names are dealt into `shares` pools by their letters; this object gives those of pool `share`,
  // so that objects of different pools never give the same name, however many they give.
  MadeUpNames(const Lexicon& lexicon, const NameKinds& kinds, Random random, std::uint64_t share,
              std::uint64_t shares)
      : lexicon_(lexicon), kinds_(kinds), random_(random), share_(share), shares_(shares) {}

  // Never the same twice; no word of WordNet or its glosses, in any case.
  std::string noun() { return unheard(kinds_.nouns); }            // "brindle"
  std::string adjective() { return unheard(kinds_.adjectives); }  // "ditant"
  std::string place() { return unheard(kinds_.places); }          // "Veltra"
  std::string person();                                           // "Anna Velton"

 private:
  std::string unheard(const LetterChain& chain);

  const Lexicon& lexicon_;
  const NameKinds& kinds_;
  Random random_;
  std::uint64_t share_, shares_;
  std::unordered_set<std::string> given_;
};

}  // namespace lehr::plugins::wordnet
