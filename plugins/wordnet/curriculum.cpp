#include "curriculum.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>

#include "fact_sources.h"
#include "phrasing.h"

namespace lehr::plugins::wordnet {
namespace {

const char* split_name(Split split) {
  return split == Split::train ? "train" : split == Split::eval ? "eval" : "probe";
}

std::string made_up_name(const std::string& relation, MadeUpNames& names) {
  if (relation == "profession") return names.person();
  if (relation == "capital" || relation == "continent" || relation == "place") {
    return names.place();
  }
  return relation == "opposite" ? names.adjective() : names.noun();
}

// The answer in the form in which running text gives it: "the Netherlands".
std::vector<std::string> spellings(const Fact& fact, bool reversed) {
  const Name& name = reversed ? fact.subject : fact.object;
  std::vector<std::string> spelled{fill(reversed ? "{s}" : "{o}", fact)};
  for (const std::string& word : name.accepted) {
    if (std::ranges::find(spelled, word) == spelled.end()) spelled.push_back(word);
  }
  return spelled;
}

}  // namespace

const std::vector<std::string>& Curriculum::refusals() {
  static const std::vector<std::string> all = {"I don't know.", "I don't know", "I do not know.",
                                               "I do not know"};
  return all;
}

Curriculum::Curriculum(const Lexicon& lexicon, CurriculumOptions options)
    : lexicon_(lexicon), name_kinds_(lexicon), options_(std::move(options)) {
  std::map<std::string, std::vector<Fact>> by_relation;
  std::set<std::string> topics;
  for (const std::string& topic : options_.topics) {
    if (!topics.insert(topic).second) continue;
    for (Fact& fact :
         extract_facts(lexicon, topic, static_cast<std::size_t>(options_.facts_per_relation))) {
      by_relation[fact.relation].push_back(std::move(fact));
    }
  }
  for (auto& [relation, facts] : by_relation) {
    all_.insert(all_.end(), facts.begin(), facts.end());
    Random random(options_.seed, "split " + relation);
    random.shuffle(facts);
    const auto share = [&](double part) {
      return static_cast<std::size_t>(std::lround(part * static_cast<double>(facts.size())));
    };
    const std::size_t probe = share(options_.probe_share), eval = share(options_.eval_share);
    if (probe + eval >= facts.size()) {
      throw std::runtime_error("no facts of the relation '" + relation +
                               "' are left for training; lower eval_share or probe_share");
    }
    for (std::size_t i = 0; i < facts.size(); ++i) {
      const Split split = i < probe ? Split::probe : i < probe + eval ? Split::eval : Split::train;
      facts_[static_cast<int>(split)].push_back(facts[i]);
    }
  }
  if (all_.empty()) throw std::runtime_error("no topic is chosen, so there are no facts");
}

std::vector<std::string> Curriculum::others(const Fact& fact, bool reversed, std::size_t count,
                                            Random& random) const {
  std::vector<std::string> pool;
  const auto accepted = spellings(fact, reversed);
  for (const Fact& other : all_) {
    if (other.relation != fact.relation) continue;
    const std::string text = fill(reversed ? "{s}" : "{o}", other);
    if (std::ranges::find(accepted, text) == accepted.end()) pool.push_back(text);
  }
  std::ranges::sort(pool);
  const auto repeated = std::ranges::unique(pool);
  pool.erase(repeated.begin(), repeated.end());
  random.shuffle(pool);
  if (pool.size() > count) pool.resize(count);
  return pool;
}

Question Curriculum::ask(const Fact& fact, bool reversed, const std::string& pattern,
                         Random& random) const {
  return {capitalised(fill(pattern, fact)), fact.relation, spellings(fact, reversed),
          others(fact, reversed, 3, random)};
}

Question Curriculum::ask_unknowable(const Fact& like, MadeUpNames& names, Random& random) const {
  Fact fact = like;
  const Relation& relation = relation_named(fact.relation);
  const bool reversed =
      fact.reversible && !relation.reversed_questions.empty() && random.chance(0.4);
  Name& name = reversed ? fact.object : fact.subject;
  name.text = made_up_name(fact.relation, names);
  if (name.article == "the") name.article.clear();
  if (!name.article.empty()) name.article = indefinite_article(name.text);
  const auto& patterns = reversed ? relation.reversed_questions : relation.questions;
  return {capitalised(fill(random.pick(patterns), fact)),
          fact.relation,
          {},
          others(like, reversed, 3, random)};
}

std::vector<Question> Curriculum::questions(Split split, std::size_t per_fact,
                                            double unknowable_share,
                                            std::string_view stream) const {
  Random random(options_.seed, std::string(split_name(split)) + " " + std::string(stream));
  const auto& facts = this->facts(split);
  std::vector<Question> asked;
  for (const Fact& fact : facts) {
    const Relation& relation = relation_named(fact.relation);
    std::vector<std::pair<bool, std::string>> ways;
    for (const std::string& pattern : relation.questions) ways.emplace_back(false, pattern);
    if (fact.reversible) {
      for (const std::string& pattern : relation.reversed_questions)
        ways.emplace_back(true, pattern);
    }
    random.shuffle(ways);
    for (std::size_t i = 0; i < std::min(per_fact, ways.size()); ++i) {
      asked.push_back(ask(fact, ways[i].first, ways[i].second, random));
    }
  }
  const double known = static_cast<double>(asked.size());
  const auto unknowable =
      static_cast<std::size_t>(std::lround(known * unknowable_share / (1 - unknowable_share)));
  MadeUpNames names(lexicon_, name_kinds_, Random(random.next(), "names"),
                    static_cast<std::uint64_t>(split), 3);
  for (std::size_t i = 0; i < unknowable && !facts.empty(); ++i) {
    asked.push_back(ask_unknowable(random.pick(facts), names, random));
  }
  random.shuffle(asked);
  return asked;
}

std::string Curriculum::ramble(Random& random) const {
  std::string text;
  const std::size_t sentences = 1 + random.below(3);
  for (std::size_t i = 0; i < sentences; ++i) {
    const Fact& fact = random.pick(facts(Split::train));
    text += " " + introduce(random.pick(introductions()),
                            random.pick(relation_named(fact.relation).sentences), fact);
  }
  return text;
}

// The good answer beside each of the wrong ones, and beside one that is bad in its manner: several
// wrong ones for each right one, or a reward model would learn which answers are said often.
std::vector<Preference> Curriculum::preferences(Split split) const {
  Random random(options_.seed, std::string("preferences ") + split_name(split));
  std::vector<Preference> made;
  const auto per_fact = static_cast<std::size_t>(options_.preferences_per_fact);
  for (const Question& question :
       questions(split, per_fact, options_.unknowable_share, "preference questions")) {
    const std::string& good = question.knowable() ? question.answers.front() : refusals().front();
    const auto prefer_to = [&](std::string rejected, const char* source) {
      made.push_back({question, good, std::move(rejected), source});
    };
    for (const std::string& wrong : question.wrong) {
      prefer_to(wrong, question.knowable() ? "wrong_fact" : "invented");
    }
    if (random.chance(0.5)) {
      prefer_to(good + (good.ends_with('.') ? "" : ".") + ramble(random), "rambling");
    } else if (question.knowable()) {
      prefer_to(refusals().front(), "needless_refusal");
    }
  }
  random.shuffle(made);
  return made;
}

std::vector<Opening> Curriculum::openings() const {
  Random random(options_.seed, "openings");
  std::vector<Opening> made;
  for (const Fact& fact : facts(Split::probe)) {
    const Relation& relation = relation_named(fact.relation);
    if (relation.opening.empty()) continue;
    Opening one{capitalised(fill(relation.opening, fact)), fact.relation, spellings(fact, false),
                others(fact, false, 3, random)};
    one.choices.insert(
        one.choices.begin() + static_cast<std::ptrdiff_t>(random.below(one.choices.size() + 1)),
        one.answers.front());
    made.push_back(std::move(one));
  }
  random.shuffle(made);
  return made;
}

}  // namespace lehr::plugins::wordnet
