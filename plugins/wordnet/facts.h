// Facts: pairs of names joined by a relation ("Paris" is the capital of "France"), taken from
// WordNet's pointers. A fact is kept only if a person asked for it would have one answer in mind:
// names that are ambiguous, rare or hard to read are dropped, and every other name WordNet accepts
// for the answer is kept beside the first.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "wordnet_database.h"

namespace lehr::plugins::wordnet {

// How a name stands in a sentence.
struct Name {
  std::string text;                   // "Netherlands", "trout"
  std::string article;                // "the", "a", "an" or empty
  std::vector<std::string> accepted;  // every spelling that counts as this name, `text` first
};

struct Fact {
  std::string relation;  // see phrasing.h: "capital", "continent", "place", "animal", ...
  Name subject, object;  // "France" and "Paris" for "capital"
  std::string kind;      // for places: "city", "river", ...; otherwise empty
  bool reversible;       // the object leads back to this subject alone
  double mentions;       // how often WordNet's glosses speak of both; the measure of commonness
};

// What a user chooses from. Each topic holds one relation or more.
inline constexpr std::string_view kTopics[] = {"geography", "animals",   "plants", "food",
                                               "things",    "opposites", "people", "parts"};

// The facts of `topic`, at most `most_per_relation` of each relation, the most common first.
// Deterministic.
std::vector<Fact> extract_facts(const class Lexicon& lexicon, std::string_view topic,
                                std::size_t most_per_relation);

}  // namespace lehr::plugins::wordnet
