// Where facts come from, one function for each corner of WordNet, and the choice among what they
// find.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "facts.h"
#include "lexicon.h"

namespace lehr::plugins::wordnet {

// Relations "capital", "continent" and "place".
std::vector<Fact> geography_facts(const Lexicon& lexicon, std::size_t most_per_relation);
// One relation, named by the topic in the singular: "animal", "plant", "food", "thing".
std::vector<Fact> kind_facts(const Lexicon& lexicon, std::string_view topic, std::size_t most);
// Relation "opposite".
std::vector<Fact> opposite_facts(const Lexicon& lexicon, std::size_t most);
// Relation "profession".
std::vector<Fact> people_facts(const Lexicon& lexicon, std::size_t most);
// Relation "part".
std::vector<Fact> part_facts(const Lexicon& lexicon, std::size_t most);

// "a" or "an".
std::string indefinite_article(std::string_view word);

// The most mentioned facts of one relation, ties by name; subjects with several objects are dropped
// as ambiguous, and every object keeps a number of subjects within the bounds, so that no answer is
// a freak and none dominates.
struct SubjectsPerObject {
  std::size_t least = 1;
  std::size_t most = std::numeric_limits<std::size_t>::max();
};
std::vector<Fact> most_common(std::vector<Fact> facts, std::size_t most,
                              SubjectsPerObject per_object = {});

}  // namespace lehr::plugins::wordnet
