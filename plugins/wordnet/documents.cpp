// The documents of a curriculum: short paragraphs in which every sentence states another fact, so
// that each must be known and none can be copied from the line above; and glosses for general
// English.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "curriculum.h"
#include "phrasing.h"

namespace lehr::plugins::wordnet {
namespace {

constexpr double kCardShare = 0.3;
constexpr double kIntroducedShare = 0.25;
constexpr std::size_t kMostEmphasis = 3;  // of any relation
constexpr std::size_t kGlossesPerDocument = 3;
constexpr std::uint32_t kLeastMentions = 3;  // of a word whose gloss is told

std::string numbered(const char* prefix, std::size_t number) {
  char id[40];
  std::snprintf(id, sizeof id, "%s-%06zu", prefix, number);
  return id;
}

// The definition without its examples: "a small bird" of `a small bird; "birds sing"`.
std::string definition(const std::string& gloss) {
  std::string text = gloss.substr(0, gloss.find("; \""));
  while (!text.empty() && (text.back() == ';' || text.back() == ' ')) text.pop_back();
  return text;
}

// The first example, or empty.
std::string example(const std::string& gloss) {
  const auto open = gloss.find("; \"");
  if (open == std::string::npos) return {};
  const auto close = gloss.find('"', open + 3);
  if (close == std::string::npos) return {};
  std::string text = gloss.substr(open + 3, close - open - 3);
  if (text.empty()) return {};
  if (text.back() != '.' && text.back() != '?' && text.back() != '!') text += '.';
  return capitalised(text);
}

bool is_plain_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string told(const Lexicon& lexicon, SynsetIndex index, Random& random) {
  const Synset& synset = lexicon.database()[index];
  const std::string& word = synset.words[0];
  std::string text;
  switch (random.below(4)) {
    case 0:
      text = "The word " + word + " means " + definition(synset.gloss) + ".";
      break;
    case 1:
      text = capitalised(word) + " means: " + definition(synset.gloss) + ".";
      break;
    case 2:
      text = "What is meant by " + word + " is this: " + definition(synset.gloss) + ".";
      break;
    default:
      text = capitalised(word) + ": " + definition(synset.gloss) + ".";
  }
  if (const std::string one = example(synset.gloss); !one.empty()) text += " " + one;
  const auto above = lexicon.database().related(index, "@");
  if (!above.empty() && synset.part_of_speech == PartOfSpeech::noun) {
    const Synset& kind = lexicon.database()[above.front()];
    if (is_plain_text(kind.words[0])) {
      text += " It has to do with the word " + kind.words[0] + ", of which it is a kind.";
    }
  }
  return text;
}

}  // namespace

std::vector<TextDocument> Curriculum::documents(Split split) const {
  const bool training = split == Split::train;
  Random random(options_.seed, training ? "train documents" : "eval documents");
  const auto rounds = static_cast<std::size_t>(
      training ? options_.statements_per_fact
               : std::max<std::int64_t>(1, options_.statements_per_fact / 20));
  std::vector<TextDocument> made;

  // A round says a fact at most once, in an order of its own; two rounds of three leave out the
  // easier facts; a fact's wordings are dealt out before any comes back.
  std::vector<std::vector<std::size_t>> decks(all_.size()), card_decks(all_.size());
  const auto deal = [&](std::vector<std::size_t>& deck, std::size_t size) {
    if (deck.empty()) {
      for (std::size_t i = 0; i < size; ++i) deck.push_back(i);
      random.shuffle(deck);
    }
    const std::size_t dealt = deck.back();
    deck.pop_back();
    return dealt;
  };

  std::vector<std::size_t> order;
  const auto introduction = [&] {
    return random.chance(kIntroducedShare) ? std::string_view(random.pick(introductions())) : "";
  };
  std::string sentences, cards;
  std::size_t statements = 0;
  const auto finish = [&] {
    if (statements == 0) return;
    if (!sentences.empty() && !cards.empty()) sentences += '\n';
    made.push_back({numbered("facts", made.size()), sentences + cards});
    sentences.clear();
    cards.clear();
    statements = 0;
  };
  for (std::size_t round = 0; round < rounds * kMostEmphasis; ++round) {
    order.clear();
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (relation_named(all_[i].relation).emphasis > round % kMostEmphasis) order.push_back(i);
    }
    random.shuffle(order);
    for (const std::size_t at : order) {
      const Fact& fact = all_[at];
      const Relation& relation = relation_named(fact.relation);
      if (random.chance(kCardShare)) {
        if (!cards.empty()) cards += '\n';
        cards +=
            capitalised(fill(relation.cards[deal(card_decks[at], relation.cards.size())], fact));
      } else {
        if (!sentences.empty()) sentences += ' ';
        sentences += introduce(
            introduction(), relation.sentences[deal(decks[at], relation.sentences.size())], fact);
      }
      if (++statements == static_cast<std::size_t>(options_.statements_per_document)) finish();
    }
  }
  finish();

  const double share = std::min(options_.gloss_share, 0.99);
  const auto gloss_documents =
      static_cast<std::size_t>(std::lround(static_cast<double>(made.size()) * share / (1 - share)));
  std::vector<SynsetIndex> glosses;
  for (SynsetIndex i = 0; i < lexicon_.database().size(); ++i) {
    const Synset& synset = lexicon_.database()[i];
    const bool held_out = i % 16 == 0;
    if (held_out != training && lexicon_.mentions(synset.words[0]) >= kLeastMentions &&
        is_plain_text(synset.gloss) && is_plain_text(synset.words[0])) {
      glosses.push_back(i);
    }
  }
  random.shuffle(glosses);
  std::size_t next = 0;
  for (std::size_t i = 0; i < gloss_documents && next + kGlossesPerDocument <= glosses.size();
       ++i) {
    TextDocument document{numbered("glosses", i), ""};
    for (std::size_t n = 0; n < kGlossesPerDocument; ++n) {
      if (n > 0) document.text += ' ';
      document.text += told(lexicon_, glosses[next++], random);
    }
    made.push_back(std::move(document));
  }
  random.shuffle(made);
  return made;
}

}  // namespace lehr::plugins::wordnet
