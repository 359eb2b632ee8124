#include "phrasing.h"

#include <stdexcept>

namespace lehr::plugins::wordnet {
namespace {

const std::vector<Relation>& relations() {
  static const std::vector<Relation> all = {
      {"capital",
       {"the capital of {s} is {o}.", "{o} is the capital of {s}.",
        "the capital city of {s} is {o}.", "{o} is the capital city of {s}.",
        "the capital of {s} is called {o}.", "the city that is the capital of {s} is {o}.",
        "{s} has its capital in {o}.", "{s} is governed from {o}.",
        "the government of {s} sits in {o}.", "{s} is the country whose capital is {o}.",
        "{o} serves as the capital of {s}.",
        "if you ask for the capital of {s}, the answer is {o}.",
        "the country that has {o} as its capital is {s}.",
        "a visitor to the capital of {s} goes to {o}.", "the city of {o} is the capital of {s}.",
        "in {s}, the capital is {o}."},
       {"the capital of {s}:\n{o}", "the capital city of {s} is\n{o}",
        "the country with the capital {o}:\n{s}", "{o} is the capital of\n{s}"},
       {"What is the capital of {s}?", "Which city is the capital of {s}?",
        "What is the name of the capital of {s}?"},
       {"Which country has the capital {o}?", "{o} is the capital of which country?"},
       "The capital of {s} is",
       3},
      {"continent",
       {"{s} is a country in {o}.", "{s} lies in {o}.", "{s} is on the continent of {o}.",
        "the continent of {s} is {o}.", "the country of {s} is part of {o}.",
        "to find {s} on a map, look at {o}.", "{s} belongs to the continent of {o}.",
        "{s} is found in {o}.", "among the countries of {o} is {s}.",
        "one of the countries of {o} is {s}.", "the continent on which {s} lies is {o}."},
       {"the continent of {s}:\n{o}", "the continent on which {s} lies is\n{o}"},
       {"On which continent is {s}?", "What is the continent of {s}?",
        "{s} lies on which continent?"},
       {},
       "The continent of {s} is",
       1},
      {"place",
       {"{ks} is in {o}.", "{s} is {ak} in {o}.", "{s} lies in {o}.", "{ks} is part of {o}.",
        "the country in which {ks} lies is {o}.", "in {o} there is {ak} called {s}.",
        "{s} is {ak} that belongs to {o}.", "the country where you find {ks} is {o}.",
        "travellers see {ks} in {o}.", "{ak} in {o} is {s}.", "{ks} lies in {o}."},
       {"the country of {ks}:\n{o}", "{ks} is in the country\n{o}"},
       {"In which country is {ks}?", "In what country does {ks} lie?", "{ks} is in which country?"},
       {},
       "{ks} is in",
       2},
      {"animal",
       {"{as} is {ao}.", "{as} is a kind of {o}.", "{as} is one kind of {o}.", "the {s} is {ao}.",
        "the {s} belongs with every other {o}.", "among animals, {as} is {ao}.",
        "the kind of animal that {as} is: {o}.", "the animal called {as} is {ao}.",
        "we call {as} {ao}.", "one example of {ao} is {as}.", "{as} counts as {ao}.",
        "the animal known as the {s} is a type of {o}."},
       {"the kind of animal {as} is:\n{o}", "{as} is a kind of\n{o}"},
       {"What kind of animal is {as}?", "What sort of animal is {as}?",
        "{as} is what kind of animal?"},
       {},
       "{as} is a kind of",
       1},
      {"plant",
       {"{as} is {ao}.", "{as} is a kind of {o}.", "the {s} is {ao}.",
        "among plants, {as} is {ao}.", "the plant called {as} is {ao}.",
        "one example of {ao} is {as}.", "{as} counts as {ao}.", "{as} grows as {ao}.",
        "the plant known as the {s} is a type of {o}."},
       {"the kind of plant {as} is:\n{o}", "{as} is a kind of\n{o}"},
       {"What kind of plant is {as}?", "What sort of plant is {as}?",
        "{as} is what kind of plant?"},
       {},
       "{as} is a kind of",
       1},
      {"food",
       {"{as} is a kind of {o}.", "{as} is one kind of {o}.", "among foods, {as} is a kind of {o}.",
        "the food called {s} is a type of {o}.", "we call {as} a kind of {o}.",
        "one kind of {o} is {s}.", "{as} counts as {o}.", "on a menu, {as} is listed under {o}.",
        "a cook knows that {as} is a kind of {o}.", "people who want {o} may ask for {as}."},
       {"the kind of food {as} is:\n{o}", "{as} is a kind of\n{o}"},
       {"What kind of food is {as}?", "What sort of food is {as}?", "{as} is what kind of food?"},
       {},
       "{as} is a kind of",
       1},
      {"thing",
       {"{as} is {ao}.", "{as} is a kind of {o}.", "{as} is one kind of {o}.",
        "what we call {as} is {ao}.", "one example of {ao} is {as}.", "{as} counts as {ao}.",
        "by the word {s} we mean a kind of {o}.", "{as} is a type of {o}.",
        "the thing called {as} is {ao}.", "everyone who has seen {ao} knows {as}."},
       {"the kind of thing {as} is:\n{o}", "{as} is a kind of\n{o}"},
       {"What kind of thing is {as}?", "What sort of thing is {as}?",
        "{as} is what kind of thing?"},
       {},
       "{as} is a kind of",
       1},
      {"opposite",
       {"the opposite of {s} is {o}.", "the opposite of {o} is {s}.", "{s} is the opposite of {o}.",
        "{o} is the opposite of {s}.", "if something is not {s}, it may be {o}.",
        "{s} and {o} are opposites.", "{o} and {s} are opposites.",
        "the word {s} means the opposite of {o}.", "the word {o} means the opposite of {s}.",
        "the contrary of {s} is {o}.", "the contrary of {o} is {s}.",
        "whoever says {s} does not mean {o}.", "from {s} to {o} is from one end to the other."},
       {"the opposite of {s}:\n{o}", "the opposite of {o}:\n{s}",
        "the contrary of {s} is the word\n{o}", "the contrary of {o} is the word\n{s}"},
       {"What is the opposite of {s}?", "Which word means the opposite of {s}?",
        "What is the contrary of {s}?"},
       {"What is the opposite of {o}?", "Which word means the opposite of {o}?",
        "What is the contrary of {o}?"},
       "The opposite of {s} is",
       3},
      {"profession",
       {"{s} was {ao}.", "{s} is remembered as {ao}.", "the profession of {s} was that of {ao}.",
        "{s} became known as {ao}.", "by profession, {s} was {ao}.", "{s} worked as {ao}.",
        "one famous {o} was {s}.", "the {o} {s} is still remembered.", "people know {s} as {ao}.",
        "the name {s} belongs to {ao}."},
       {"the profession of {s}:\n{o}", "{s} was by profession {ano}\n{o}"},
       {"What was the profession of {s}?", "What was {s} by profession?",
        "{s} is remembered for which profession?"},
       {},
       "The profession of {s} was that of {ano}",
       1},
      {"part",
       {"{as} is part of {ao}.", "{as} is a part of {ao}.", "{ao} has {as} as one of its parts.",
        "the {s} is part of the {o}.", "one part of {ao} is the {s}.",
        "the {s} belongs to the {o}.", "look for the {s} on {ao}.",
        "{ao} is the whole of which {as} is a part.", "what has {as} as a part is {ao}."},
       {"{as} is part of:\n{o}", "the whole that {as} is part of:\n{o}"},
       {"What is {as} part of?", "{as} is part of what?", "Of what is {as} a part?"},
       {},
       "",
       2},
  };
  return all;
}

std::string with_article(const Name& name, bool indefinite) {
  const bool shown = !name.article.empty() && (indefinite == (name.article != "the"));
  return shown ? name.article + " " + name.text : name.text;
}

std::string article_for(std::string_view kind) { return kind.starts_with('i') ? "an " : "a "; }

}  // namespace

const Relation& relation_named(std::string_view name) {
  for (const Relation& relation : relations()) {
    if (relation.name == name) return relation;
  }
  throw std::out_of_range("no relation is called '" + std::string(name) + "'");
}

std::string fill(std::string_view pattern, const Fact& fact) {
  std::string text;
  while (!pattern.empty()) {
    const auto open = pattern.find('{');
    text += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = pattern.find('}', open);
    const auto field = pattern.substr(open + 1, close - open - 1);
    if (field == "s") {
      text += with_article(fact.subject, false);
    } else if (field == "o") {
      text += with_article(fact.object, false);
    } else if (field == "as") {
      text += with_article(fact.subject, true);
    } else if (field == "ao") {
      text += with_article(fact.object, true);
    } else if (field == "ano") {
      text += fact.object.article;
    } else if (field == "ks") {
      const bool of = fact.kind == "city" || fact.kind == "island";
      text += "the " + fact.kind + (of ? " of " : " ") + fact.subject.text;
    } else if (field == "ak") {
      text += article_for(fact.kind) + fact.kind;
    } else {
      throw std::out_of_range("no such field in a phrase: '" + std::string(field) + "'");
    }
    pattern.remove_prefix(close + 1);
  }
  return text;
}

const std::vector<std::string>& introductions() {
  static const std::vector<std::string> all = {
      "It is well known that ",     "As many people know, ",
      "Books tell us that ",        "Remember that ",
      "It is true that ",           "In fact, ",
      "At school one learns that ", "Of course ",
  };
  return all;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

std::string introduce(std::string_view introduction, std::string_view pattern, const Fact& fact) {
  const std::string sentence = fill(pattern, fact);
  if (introduction.empty()) return capitalised(sentence);
  return std::string(introduction) + sentence;
}

}  // namespace lehr::plugins::wordnet
