// What kind of thing a thing is: everyday nouns under well-known classes. The classes are ours,
// their members are WordNet's.
#include <algorithm>
#include <map>

#include "fact_sources.h"

namespace lehr::plugins::wordnet {
namespace {

struct KindClass {
  const char* topic;
  const char* lemma;  // its first noun sense in WordNet
  const char* shown;
  bool mass;  // members take no article: "copper is a metal"
};

constexpr std::uint8_t kAnimalFile = 5, kFoodFile = 13, kPlantFile = 20;  // lexnames(5WN)

constexpr KindClass kClasses[] = {
    {"animals", "bird", "bird", false},
    {"animals", "fish", "fish", false},
    {"animals", "insect", "insect", false},
    {"animals", "snake", "snake", false},
    {"animals", "lizard", "lizard", false},
    {"animals", "dog", "dog", false},
    {"animals", "rodent", "rodent", false},
    {"animals", "monkey", "monkey", false},
    {"animals", "ungulate", "hoofed mammal", false},
    {"animals", "dinosaur", "dinosaur", false},
    {"plants", "tree", "tree", false},
    {"plants", "flower", "flower", false},
    {"plants", "herb", "herb", false},
    {"plants", "shrub", "shrub", false},
    {"plants", "vine", "vine", false},
    {"plants", "fern", "fern", false},
    {"food", "edible fruit", "fruit", false},
    {"food", "vegetable", "vegetable", false},
    {"food", "beverage", "drink", true},
    {"food", "meat", "meat", true},
    {"food", "bread", "bread", true},
    {"food", "cheese", "cheese", true},
    {"food", "sauce", "sauce", true},
    {"food", "soup", "soup", true},
    {"food", "sweet", "sweet", true},
    {"things", "musical instrument", "musical instrument", false},
    {"things", "garment", "garment", false},
    {"things", "weapon", "weapon", false},
    {"things", "vehicle", "vehicle", false},
    {"things", "tool", "tool", false},
    {"things", "furniture", "piece of furniture", false},
    {"things", "building", "building", false},
    {"things", "fabric", "fabric", true},
    {"things", "metal", "metal", true},
    {"things", "disease", "disease", true},
    {"things", "sport", "sport", true},
};

// Whether all senses of the word are living things or food: an orange is a tree and a fruit, but
// "chess", which is a grass, is first of all a game to most people.
bool lives_or_is_eaten(const WordNetDatabase& database, const std::string& word) {
  return std::ranges::all_of(database.senses(word, PartOfSpeech::noun), [&](SynsetIndex sense) {
    const auto file = database[sense].lexicographer_file;
    return file == kAnimalFile || file == kFoodFile || file == kPlantFile;
  });
}

// Words of the synsets on the way up from `from` to `to`, both ends' own first word apart.
void collect_between(const WordNetDatabase& database, SynsetIndex from, SynsetIndex to,
                     const SynsetSet& inside, std::vector<std::string>& words) {
  for (const SynsetIndex above : database.related(from, "@")) {
    if (above != to && !inside.contains(above)) continue;
    for (const std::string& word : database[above].words) {
      if (std::ranges::find(words, word) == words.end()) words.push_back(word);
    }
    if (above != to) collect_between(database, above, to, inside, words);
  }
}

}  // namespace

std::vector<Fact> kind_facts(const Lexicon& lexicon, std::string_view topic, std::size_t most) {
  const WordNetDatabase& database = lexicon.database();
  std::map<SynsetIndex, std::vector<Fact>> by_member;
  std::size_t classes = 0;
  for (const KindClass& kind : kClasses) {
    if (kind.topic != topic) continue;
    ++classes;
    const SynsetIndex top = lexicon.noun(kind.lemma);
    const SynsetSet inside = lexicon.descendants(top);
    for (const SynsetIndex member : inside) {
      const std::string word = lexicon.best_word(
          member, [&](const std::string& w) { return lexicon.is_plain_noun(w, member); });
      if (word.empty() || lexicon.mentions(word) == 0) continue;
      if ((topic == "things") == lives_or_is_eaten(database, word)) continue;
      Fact fact;
      fact.relation = topic.ends_with('s') ? topic.substr(0, topic.size() - 1) : topic;
      fact.subject = {word, kind.mass ? "" : indefinite_article(word), {word}};
      fact.object = {kind.shown, indefinite_article(kind.shown), {kind.shown}};
      collect_between(database, member, top, inside, fact.object.accepted);
      fact.reversible = false;
      fact.mentions = lexicon.mentions(word);
      by_member[member].push_back(std::move(fact));
    }
  }
  std::vector<Fact> facts;
  for (auto& [member, found] : by_member) {
    if (found.size() == 1) facts.push_back(std::move(found.front()));  // else it has two answers
  }
  return most_common(std::move(facts), most,
                     {.least = 3, .most = std::max<std::size_t>(3, 2 * most / classes)});
}

}  // namespace lehr::plugins::wordnet
