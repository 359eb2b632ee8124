// Capitals, continents and places: instances in noun.location, joined by "part of".
#include <algorithm>

#include "fact_sources.h"

namespace lehr::plugins::wordnet {
namespace {

bool is_place_name(const std::string& name) {
  if (name.empty() || name.size() > 24 || name[0] < 'A' || name[0] > 'Z') return false;
  if (std::ranges::count(name, ' ') > 2) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ' || c == '-' || c == '\'';
  });
}

bool is_capital_name(const std::string& name) {
  return is_place_name(name) && name.find("capital") == std::string::npos &&  // "French capital"
         name.find("City of") == std::string::npos;
}

// Whether the synset is the name's first or second sense: "Cairo" is also in Illinois, but "Angora"
// is a goat.
bool is_leading_sense(const Lexicon& lexicon, const std::string& name, SynsetIndex synset) {
  const auto senses = lexicon.database().senses(name, PartOfSpeech::noun);
  const auto leading = senses.first(std::min<std::size_t>(2, senses.size()));
  return std::ranges::find(leading, synset) != leading.end();
}

Name place_name(const Lexicon& lexicon, SynsetIndex synset, bool capital = false,
                bool with_article = false) {
  Name name;
  name.text = lexicon.best_word(synset, [&](const std::string& word) {
    return capital ? is_capital_name(word) && is_leading_sense(lexicon, word, synset)
                   : is_place_name(word);
  });
  if (name.text.empty()) return name;
  if (with_article && lexicon.takes_the(name.text)) name.article = "the";
  name.accepted.push_back(name.text);
  for (const std::string& word : lexicon.database()[synset].words) {
    if (word != name.text && (!capital || is_capital_name(word))) name.accepted.push_back(word);
  }
  return name;
}

SynsetSet countries(const Lexicon& lexicon) {
  const WordNetDatabase& database = lexicon.database();
  SynsetSet found;
  for (const SynsetIndex country : database.related(lexicon.noun("African country"), "@")) {
    std::vector<SynsetIndex> classes = database.related(country, "~");
    std::erase_if(classes, [&](SynsetIndex kind) {
      return std::ranges::none_of(
          database[kind].words, [](const std::string& word) { return word.ends_with(" country"); });
    });
    classes.push_back(country);
    for (const SynsetIndex kind : classes) {
      for (const SynsetIndex one : database.related(kind, "~i")) found.insert(one);
    }
  }
  return found;
}

double both_mentioned(const Lexicon& lexicon, const Name& a, const Name& b) {
  return std::min(lexicon.mentions(a.text), lexicon.mentions(b.text));
}

struct PlaceKind {
  const char* lemma;
  const char* kind;
};
constexpr PlaceKind kPlaceKinds[] = {{"city", "city"},
                                     {"river", "river"},
                                     {"lake", "lake"},
                                     {"mountain peak", "mountain"},
                                     {"island", "island"}};

// "the city of Salt Lake City" would be odd.
constexpr std::string_view kKindWords[] = {"City", "River", "Lake", "Mount", "Island", "Isle"};

}  // namespace

std::vector<Fact> geography_facts(const Lexicon& lexicon, std::size_t most) {
  const SynsetSet all_countries = countries(lexicon);
  const auto capitals = lexicon.instances(lexicon.noun("national capital"));
  std::vector<Fact> capital_facts, continent_facts, place_facts;
  SynsetSet known_countries;

  for (const SynsetIndex capital : capitals) {
    const auto wholes = lexicon.nearest_wholes(capital, all_countries);
    if (wholes.size() != 1) continue;
    known_countries.insert(wholes.front());
    const Name city = place_name(lexicon, capital, true);
    const Name country = place_name(lexicon, wholes.front(), false, true);
    if (city.text.empty() || country.text.empty() || city.text == country.text) continue;
    capital_facts.push_back(
        {"capital", country, city, "", true, static_cast<double>(lexicon.mentions(country.text))});
  }

  const auto continents = lexicon.instances(lexicon.noun("continent"));
  const SynsetSet continent_set(continents.begin(), continents.end());
  std::vector<SynsetIndex> ordered(known_countries.begin(), known_countries.end());
  std::ranges::sort(ordered);
  for (const SynsetIndex one : ordered) {
    const auto wholes = lexicon.nearest_wholes(one, continent_set);
    if (wholes.size() != 1) continue;  // Turkey and Russia lie in two
    const Name country = place_name(lexicon, one, false, true);
    const Name continent = place_name(lexicon, wholes.front());
    if (country.text.empty() || continent.text.empty() || country.text == continent.text) continue;
    continent_facts.push_back({"continent", country, continent, "", false,
                               static_cast<double>(lexicon.mentions(country.text))});
  }

  for (const PlaceKind& place_kind : kPlaceKinds) {
    for (const SynsetIndex place : lexicon.instances(lexicon.noun(place_kind.lemma))) {
      if (std::ranges::binary_search(capitals, place)) continue;
      const auto wholes = lexicon.nearest_wholes(place, known_countries);
      if (wholes.size() != 1) continue;
      const Name name = place_name(lexicon, place);
      const Name country = place_name(lexicon, wholes.front(), false, true);
      if (name.text.empty() || country.text.empty() || name.text == country.text) continue;
      const auto senses = lexicon.database().senses(name.text, PartOfSpeech::noun);
      if (senses.size() > 3 || senses.front() != place) continue;
      const bool says_kind = std::ranges::any_of(kKindWords, [&](std::string_view word) {
        return name.text.find(word) != std::string::npos;
      });
      if (says_kind) continue;
      place_facts.push_back(
          {"place", name, country, place_kind.kind, false, both_mentioned(lexicon, name, country)});
    }
  }

  std::vector<Fact> facts = most_common(std::move(capital_facts), most);
  for (Fact& fact : most_common(std::move(continent_facts), most, {.least = 3}))
    facts.push_back(std::move(fact));
  const std::size_t most_per_country = std::max<std::size_t>(3, most / 8);
  for (Fact& fact :
       most_common(std::move(place_facts), most, {.least = 2, .most = most_per_country})) {
    facts.push_back(std::move(fact));
  }
  return facts;
}

}  // namespace lehr::plugins::wordnet
