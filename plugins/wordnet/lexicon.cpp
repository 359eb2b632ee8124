#include "lexicon.h"

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace lehr::plugins::wordnet {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Words of a gloss: runs of letters, with inner apostrophes, hyphens and full stops ("St.",
// "Guinea-Bissau").
std::vector<std::string_view> words_of(std::string_view gloss) {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < gloss.size();) {
    if (!is_letter(gloss[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < gloss.size() &&
           (is_letter(gloss[end]) || ((gloss[end] == '\'' || gloss[end] == '-') &&
                                      end + 1 < gloss.size() && is_letter(gloss[end + 1])))) {
      ++end;
    }
    words.push_back(gloss.substr(i, end - i));
    i = end;
  }
  return words;
}

std::string lowered(std::string_view word) {
  std::string text(word);
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

constexpr std::size_t kLongestPhrase = 4;  // words

}  // namespace

Lexicon::Lexicon(const WordNetDatabase& database) : database_(database) {
  // First word of phrases -> words of the longest one.
  std::unordered_map<std::string_view, std::size_t> longest;
  for (SynsetIndex i = 0; i < database.size(); ++i) {
    for (const std::string& word : database[i].words) {
      mentions_.emplace(word, 0);
      const auto words = static_cast<std::size_t>(std::ranges::count(word, ' ')) + 1;
      std::size_t& most = longest[std::string_view(word).substr(0, word.find(' '))];
      most = std::clamp(words, most, kLongestPhrase);
    }
  }
  const auto entry = [&](const std::string& phrase) {
    auto found = mentions_.find(phrase);
    if (found == mentions_.end() && phrase.ends_with('s'))
      found = mentions_.find(phrase.substr(0, phrase.size() - 1));
    return found == mentions_.end() ? nullptr : &*found;
  };
  // What is found out of a word where it stands first in a gloss.
  struct Seen {
    decltype(entry("")) alone;
    std::size_t longest;
  };
  std::unordered_map<std::string_view, Seen> seen;
  std::string phrase;
  for (SynsetIndex i = 0; i < database.size(); ++i) {
    const auto words = words_of(database[i].gloss);
    for (std::size_t begin = 0; begin < words.size(); ++begin) {
      const auto [known, fresh] = seen.try_emplace(words[begin]);
      if (fresh) {
        phrase = words[begin];
        written_.insert(lowered(phrase));
        const auto found = longest.find(phrase);
        known->second = {entry(phrase), found == longest.end() ? 1 : found->second};
      }
      const bool after_the = begin > 0 && words[begin - 1] == "the";
      const auto mention = [&](auto* found) {
        if (!found) return;
        ++found->second;
        if (after_the) ++mentions_after_the_[found->first];
      };
      mention(known->second.alone);
      if (known->second.longest == 1) continue;
      phrase = words[begin];
      for (std::size_t n = 1; n < known->second.longest && begin + n < words.size(); ++n) {
        (phrase += ' ') += words[begin + n];
        mention(entry(phrase));
      }
    }
  }
}

std::uint32_t Lexicon::mentions(const std::string& word) const {
  const auto found = mentions_.find(word);
  return found == mentions_.end() ? 0 : found->second;
}

bool Lexicon::writes(std::string_view word) const {
  return database_.knows(word) || written_.contains(lowered(word));
}

bool Lexicon::takes_the(const std::string& name) const {
  const auto found = mentions_after_the_.find(name);
  const bool may = name.ends_with('s') || name.find(' ') != std::string::npos;  // not "the Niger"
  return may && found != mentions_after_the_.end() && 5 * found->second >= mentions(name);
}

SynsetIndex Lexicon::noun(std::string_view lemma) const {
  const auto senses = database_.senses(lemma, PartOfSpeech::noun);
  if (senses.empty()) {
    throw std::runtime_error("this WordNet has no noun '" + std::string(lemma) +
                             "'; WordNet 3.0 is needed (apt install wordnet-base)");
  }
  return senses.front();
}

bool Lexicon::is_plain_noun(const std::string& word, SynsetIndex synset) const {
  if (word.size() < 3 || word.size() > 12) return false;
  if (!std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; })) return false;
  if (word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") &&
      !word.ends_with("is")) {
    return false;  // "trousers"
  }
  const auto senses = database_.senses(word, PartOfSpeech::noun);
  if (senses.empty() || senses.size() > 3 || senses.front() != synset) return false;
  const auto file = database_[synset].lexicographer_file;
  return std::ranges::none_of(
             senses.subspan(1),
             [&](SynsetIndex other) { return database_[other].lexicographer_file == file; }) &&
         database_.senses(word, PartOfSpeech::verb).size() <= 2 &&
         database_.senses(word, PartOfSpeech::adjective).empty() &&
         database_.senses(word, PartOfSpeech::adverb).empty();
}

SynsetSet Lexicon::descendants(SynsetIndex synset) const {
  SynsetSet found;
  std::deque<SynsetIndex> open{synset};
  while (!open.empty()) {
    const SynsetIndex at = open.front();
    open.pop_front();
    for (const SynsetIndex kind : database_.related(at, "~")) {
      if (found.insert(kind).second) open.push_back(kind);
    }
  }
  return found;
}

std::vector<SynsetIndex> Lexicon::instances(SynsetIndex synset) const {
  SynsetSet classes = descendants(synset);
  classes.insert(synset);
  std::vector<SynsetIndex> found;
  for (const SynsetIndex one : classes) {
    for (const SynsetIndex instance : database_.related(one, "~i")) found.push_back(instance);
  }
  std::ranges::sort(found);
  const auto repeated = std::ranges::unique(found);
  found.erase(repeated.begin(), repeated.end());
  return found;
}

std::vector<SynsetIndex> Lexicon::nearest_wholes(SynsetIndex synset,
                                                 const SynsetSet& targets) const {
  std::vector<SynsetIndex> level{synset}, found;
  SynsetSet seen{synset};
  while (!level.empty() && found.empty()) {
    std::vector<SynsetIndex> next;
    for (const SynsetIndex part : level) {
      for (const char* symbol : {"#p", "#m"}) {
        for (const SynsetIndex whole : database_.related(part, symbol)) {
          if (!seen.insert(whole).second) continue;
          (targets.contains(whole) ? found : next).push_back(whole);
        }
      }
    }
    level = std::move(next);
  }
  return found;
}

std::string Lexicon::best_word(SynsetIndex synset,
                               const std::function<bool(const std::string&)>& usable) const {
  const Synset& record = database_[synset];
  const auto mentioned_elsewhere = [&](const std::string& word) {
    const std::uint32_t own = record.gloss.find(word) == std::string::npos ? 0 : 1;
    return std::max(mentions(word), own) - own;
  };
  std::string best;
  for (const std::string& word : record.words) {
    if (!usable(word)) continue;
    if (best.empty() || mentioned_elsewhere(word) > mentioned_elsewhere(best)) best = word;
  }
  return best;
}

}  // namespace lehr::plugins::wordnet
