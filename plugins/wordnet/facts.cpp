#include "facts.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "fact_sources.h"

namespace lehr::plugins::wordnet {

std::string indefinite_article(std::string_view word) {
  for (const std::string_view silent : {"hour", "heir", "honest", "herb"}) {
    if (word.starts_with(silent)) return "an";
  }
  for (const std::string_view spoken : {"uni", "use", "uk", "eu", "ewe", "one"}) {
    if (word.starts_with(spoken)) return "a";
  }
  return std::string_view("aeiou").find(word.front()) == std::string_view::npos ? "a" : "an";
}

std::vector<Fact> most_common(std::vector<Fact> facts, std::size_t most, SubjectsPerObject bounds) {
  std::map<std::string, std::set<std::string>> objects_of, subjects_of;
  for (const Fact& fact : facts) {
    objects_of[fact.subject.text].insert(fact.object.text);
    subjects_of[fact.object.text].insert(fact.subject.text);
  }
  std::erase_if(facts, [&](const Fact& fact) { return objects_of[fact.subject.text].size() > 1; });
  std::ranges::sort(facts, [](const Fact& a, const Fact& b) {
    return a.mentions != b.mentions ? a.mentions > b.mentions : a.subject.text < b.subject.text;
  });
  std::set<std::string> taken;
  std::map<std::string, std::size_t> per_object;
  std::vector<Fact> kept;
  for (Fact& fact : facts) {
    if (kept.size() == most) break;
    if (taken.contains(fact.subject.text) || per_object[fact.object.text] == bounds.most) continue;
    taken.insert(fact.subject.text);
    ++per_object[fact.object.text];
    if (subjects_of[fact.object.text].size() > 1) fact.reversible = false;
    kept.push_back(std::move(fact));
  }
  std::erase_if(kept,
                [&](const Fact& fact) { return per_object[fact.object.text] < bounds.least; });
  return kept;
}

std::vector<Fact> extract_facts(const Lexicon& lexicon, std::string_view topic,
                                std::size_t most_per_relation) {
  const std::size_t most = most_per_relation;
  if (topic == "geography") return geography_facts(lexicon, most);
  if (topic == "opposites") return opposite_facts(lexicon, most);
  if (topic == "people") return people_facts(lexicon, most);
  if (topic == "parts") return part_facts(lexicon, most);
  if (topic == "animals" || topic == "plants" || topic == "food" || topic == "things") {
    return kind_facts(lexicon, topic, most);
  }
  throw std::runtime_error("there is no topic '" + std::string(topic) + "'");
}

}  // namespace lehr::plugins::wordnet
