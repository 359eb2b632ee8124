// What fact extraction asks of WordNet beyond its records: how common a word is, whether it is
// ambiguous, which classes a concept belongs to, which article a country takes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "wordnet_database.h"

namespace lehr::plugins::wordnet {

using SynsetSet = std::unordered_set<SynsetIndex>;

class Lexicon {
 public:
  explicit Lexicon(const WordNetDatabase& database);
  const WordNetDatabase& database() const { return database_; }

  // In how many places the glosses mention the word or phrase (exact case; regular plurals count
  // for the singular).
  std::uint32_t mentions(const std::string& word) const;
  // Whether the word is a lemma, or stands in any gloss; in any case.
  bool writes(std::string_view word) const;
  // Whether the glosses often put "the" before it: "the Netherlands".
  bool takes_the(const std::string& name) const;
  // The first noun sense of the lemma; throws std::runtime_error if WordNet has none.
  SynsetIndex noun(std::string_view lemma) const;
  // An everyday noun: one lower-case word of 3 to 12 letters, in the singular, whose first of at
  // most three noun senses is `synset`, whose other senses lie in other lexicographer files, and
  // which is mostly a noun.
  bool is_plain_noun(const std::string& word, SynsetIndex synset) const;
  // All kinds of `synset`, itself left out.
  SynsetSet descendants(SynsetIndex synset) const;
  // Instances ("Paris") of `synset` and of its kinds, in file order.
  std::vector<SynsetIndex> instances(SynsetIndex synset) const;
  // The nearest synsets in `targets` reached by going from part to whole; empty if there is none.
  std::vector<SynsetIndex> nearest_wholes(SynsetIndex synset, const SynsetSet& targets) const;
  // The synset's word, among those `usable` accepts, that other glosses mention most
  // ("Brussels", not "Bruxelles"), the first on a tie; empty if there is none.
  std::string best_word(SynsetIndex synset,
                        const std::function<bool(const std::string&)>& usable) const;

 private:
  const WordNetDatabase& database_;
  std::unordered_map<std::string, std::uint32_t> mentions_, mentions_after_the_;
  std::unordered_set<std::string> written_;  // words of glosses, in lower case
};

}  // namespace lehr::plugins::wordnet
