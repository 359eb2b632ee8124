// Opposites, professions and parts: antonym pointers between adjectives, instances of professions,
// and the parts of everyday things.
#include <algorithm>
#include <map>
#include <set>

#include "fact_sources.h"

namespace lehr::plugins::wordnet {
namespace {

constexpr const char* kProfessions[] = {
    "composer",      "painter",    "philosopher", "poet",     "physicist", "chemist",
    "mathematician", "astronomer", "general",     "explorer", "architect", "sculptor",
    "economist",     "dramatist",  "singer",      "actor",    "inventor",  "pope"};

constexpr double kLeastPartMentions = 3;  // below it parts are a specialist's

// Nature, artifacts, communication, plants and time: parts of these are everyday knowledge.
constexpr std::uint8_t kPartFiles[] = {6, 10, 17, 20, 28};

bool is_plain_adjective(const std::string& word) {
  return word.size() >= 3 && word.size() <= 12 &&
         std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}

bool is_full_name(const std::string& name) {
  const auto spaces = std::ranges::count(name, ' ');
  return spaces >= 1 && spaces <= 2 && name.size() <= 28 &&
         std::ranges::all_of(
             name,
             [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' '; }) &&
         std::ranges::all_of(name, [last = ' '](char c) mutable {
           const bool fine = last != ' ' || (c >= 'A' && c <= 'Z');  // no "Duke of"
           last = c;
           return fine;
         });
}

}  // namespace

std::vector<Fact> opposite_facts(const Lexicon& lexicon, std::size_t most) {
  const WordNetDatabase& database = lexicon.database();
  std::map<std::string, std::set<std::string>> opposites;
  for (SynsetIndex i = 0; i < database.size(); ++i) {
    const Synset& synset = database[i];
    if (synset.part_of_speech != PartOfSpeech::adjective) continue;
    for (const Pointer& pointer : synset.pointers) {
      if (pointer.symbol != "!" || pointer.source_word == 0 || pointer.target_word == 0) continue;
      opposites[synset.words[pointer.source_word - 1]].insert(
          database[pointer.target].words[pointer.target_word - 1]);
    }
  }
  std::vector<Fact> facts;
  for (const auto& [word, others] : opposites) {
    if (others.size() != 1) continue;  // "light" is the opposite of "dark" and of "heavy"
    const std::string& other = *others.begin();
    const auto back = opposites.find(other);
    if (back == opposites.end() || back->second.size() != 1 || *back->second.begin() != word) {
      continue;
    }
    if (!is_plain_adjective(word) || !is_plain_adjective(other)) continue;
    const auto here = lexicon.mentions(word), there = lexicon.mentions(other);
    if (here < there || (here == there && word > other)) continue;  // each pair once, common first
    facts.push_back({"opposite",
                     {word, "", {word}},
                     {other, "", {other}},
                     "",
                     true,
                     static_cast<double>(there)});
  }
  return most_common(std::move(facts), most);
}

std::vector<Fact> people_facts(const Lexicon& lexicon, std::size_t most) {
  const WordNetDatabase& database = lexicon.database();
  std::map<SynsetIndex, std::vector<Fact>> by_person;
  for (const char* profession : kProfessions) {
    const SynsetIndex top = lexicon.noun(profession);
    for (const SynsetIndex person : lexicon.instances(top)) {
      std::string name;
      double mentions = 0;
      for (const std::string& word : database[person].words) {
        if (name.empty() && is_full_name(word)) name = word;
        mentions += lexicon.mentions(word);
      }
      if (name.empty() || database.senses(name, PartOfSpeech::noun).size() > 1) continue;
      Fact fact{"profession", {name, "", {name}}, {}, "", false, mentions};
      fact.object = {profession, indefinite_article(profession), {profession}};
      for (const SynsetIndex one : database.related(person, "@i")) {
        for (const std::string& word : database[one].words) {
          if (word != profession) fact.object.accepted.push_back(word);
        }
      }
      by_person[person].push_back(std::move(fact));
    }
  }
  std::vector<Fact> facts;
  for (auto& [person, found] : by_person) {
    if (found.size() == 1) facts.push_back(std::move(found.front()));
  }
  return most_common(std::move(facts), most,
                     {.least = 3, .most = std::max<std::size_t>(3, most / 8)});
}

std::vector<Fact> part_facts(const Lexicon& lexicon, std::size_t most) {
  const WordNetDatabase& database = lexicon.database();
  const auto plain = [&](SynsetIndex synset) {
    return lexicon.best_word(
        synset, [&](const std::string& word) { return lexicon.is_plain_noun(word, synset); });
  };
  std::vector<Fact> facts;
  for (SynsetIndex part = 0; part < database.size(); ++part) {
    if (std::ranges::find(kPartFiles, database[part].lexicographer_file) == std::end(kPartFiles)) {
      continue;
    }
    const auto wholes = database.related(part, "#p");
    if (wholes.empty() || wholes.size() > 2) continue;
    const std::string word = plain(part);
    if (word.empty()) continue;
    Fact fact{"part", {word, indefinite_article(word), {word}}, {}, "", false, 0};
    std::uint32_t most_mentions = 0;
    for (const SynsetIndex whole : wholes) {
      const std::string whole_word = plain(whole);
      if (whole_word.empty()) continue;
      for (const std::string& other : database[whole].words) {
        fact.object.accepted.push_back(other);
      }
      if (lexicon.mentions(whole_word) > most_mentions) {
        most_mentions = lexicon.mentions(whole_word);
        fact.object.text = whole_word;
      }
    }
    if (fact.object.text.empty()) continue;
    std::erase(fact.object.accepted, fact.object.text);
    fact.object.accepted.insert(fact.object.accepted.begin(), fact.object.text);
    fact.object.article = indefinite_article(fact.object.text);
    fact.mentions = std::min(lexicon.mentions(word), most_mentions);
    if (fact.mentions >= kLeastPartMentions) facts.push_back(std::move(fact));
  }
  return most_common(std::move(facts), most);
}

}  // namespace lehr::plugins::wordnet
