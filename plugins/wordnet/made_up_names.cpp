#include "made_up_names.h"

#include <algorithm>

namespace lehr::plugins::wordnet {
namespace {

constexpr std::size_t kShortest = 4, kLongest = 11;           // letters
constexpr std::uint32_t kLeastMentions = 3;                   // of a word whose spelling is learned
constexpr std::uint8_t kLocationFile = 15, kPersonFile = 18;  // lexnames(5WN)

bool is_lower(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
}
bool is_capitalised(std::string_view word) {
  return word.size() > 1 && word[0] >= 'A' && word[0] <= 'Z' && is_lower(word.substr(1));
}

}  // namespace

NameKinds::NameKinds(const Lexicon& lexicon) {
  const WordNetDatabase& database = lexicon.database();
  for (SynsetIndex i = 0; i < database.size(); ++i) {
    const Synset& synset = database[i];
    const bool noun = synset.part_of_speech == PartOfSpeech::noun;
    if (!noun && synset.part_of_speech != PartOfSpeech::adjective) continue;
    for (const std::string& word : synset.words) {
      if (is_lower(word) && lexicon.mentions(word) >= kLeastMentions) {
        (noun ? nouns : adjectives).learn(word);
      } else if (synset.lexicographer_file == kLocationFile && is_capitalised(word)) {
        places.learn(word);
      } else if (synset.lexicographer_file == kPersonFile) {
        const auto space = word.find(' ');
        const std::string first = word.substr(0, space), last = word.substr(word.rfind(' ') + 1);
        if (space == std::string::npos || !is_capitalised(first) || !is_capitalised(last)) continue;
        first_names.push_back(first);
        surnames.learn(last);
      }
    }
  }
}

std::string MadeUpNames::unheard(const LetterChain& chain) {
  for (;;) {
    std::string text = chain.draw(random_);
    if (text.size() < kShortest || text.size() > kLongest || lexicon_.writes(text)) continue;
    if (Random(0, text).next() % shares_ != share_) continue;
    if (given_.insert(text).second) return text;
  }
}

std::string MadeUpNames::person() {
  const std::string& first = random_.pick(kinds_.first_names);
  return first + " " + unheard(kinds_.surnames);
}

}  // namespace lehr::plugins::wordnet
