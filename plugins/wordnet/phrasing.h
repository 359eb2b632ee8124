// How facts are said and asked. Each relation has sentences (statements in running text), cards (a
// line that announces the answer and a line that gives it, as in an almanac), questions in both
// directions, and openings that only the answer completes. The templates are ours; what fills them
// is WordNet's.
//
// In a template {s} is the subject and {o} the object, with "the" where the name takes it; {as} and
// {ao} with "a" or "an"; {ks} is a place with its kind ("the city of Pisa"), {ak} the kind alone.
// Text is capitalised at its start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "facts.h"

namespace lehr::plugins::wordnet {

struct Relation {
  std::string name;
  std::vector<std::string> sentences;
  std::vector<std::string> cards;               // "announcement\nanswer"
  std::vector<std::string> questions;           // ask for the object
  std::vector<std::string> reversed_questions;  // ask for the subject; for reversible facts only
  std::string opening;                          // completed by the object; empty if none reads well
  // How many times as often as the easiest facts these are told: to learn which of 50 capitals
  // belongs to a country takes several times the repetitions that learning which of 8 classes a
  // word belongs to takes.
  std::size_t emphasis;
};

// Throws std::out_of_range for a name that no fact bears.
const Relation& relation_named(std::string_view name);

// Fills a template; the result is not capitalised.
std::string fill(std::string_view pattern, const Fact& fact);

// Introductions such as "In fact, " that make one sentence into many.
const std::vector<std::string>& introductions();

// `introduction`, or nothing, and the sentence, capitalised at its start.
std::string introduce(std::string_view introduction, std::string_view pattern, const Fact& fact);

// First letter in upper case.
std::string capitalised(std::string text);

}  // namespace lehr::plugins::wordnet
