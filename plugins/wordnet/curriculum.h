// The data set as a whole, before it is written: facts divided into those asked in training, those
// held out for evaluation during training, and those kept for the final probes; and the five
// outputs made of them. A fact of the probes is told in the documents and asked nowhere else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "facts.h"
#include "lexicon.h"
#include "made_up_names.h"
#include "random.h"

namespace lehr::plugins::wordnet {

struct CurriculumOptions {
  std::vector<std::string> topics = {"geography", "animals", "food", "things",
                                     "opposites", "people",  "parts"};
  std::int64_t facts_per_relation = 50;
  std::int64_t statements_per_fact = 40;  // in the documents; up to three times that for hard ones
  std::int64_t statements_per_document = 8;
  double gloss_share = 0.15;                     // documents of general English among all
  double eval_share = 0.10;                      // of the facts: asked only in eval-* files
  double probe_share = 0.25;                     // of the facts: asked only in probes
  std::int64_t questions_per_fact = 3;           // in the training conversations
  double conversations_unknowable_share = 0.02;  // the same, in the conversations
  double unknowable_share = 0.30;         // questions about made-up names, in all other outputs
  std::int64_t preferences_per_fact = 3;  // questions about a fact, each with several pairs
  std::int64_t prompts = 2000;
  std::int64_t probes = 300;  // answer probes; half as many unknowable, a third as many next-token
  std::uint64_t seed = 0;
};

enum class Split { train, eval, probe };

// One question and what is known about it.
struct Question {
  std::string text, topic;
  std::vector<std::string>
      answers;  // accepted ones, the one to give first; empty: nothing can be known
  std::vector<std::string> wrong;  // answers to the same question about other subjects
  bool knowable() const { return !answers.empty(); }
};

struct TextDocument {
  std::string id, text;
};

struct Preference {
  Question question;
  std::string chosen, rejected, source;
};

struct Opening {
  std::string text, topic;
  std::vector<std::string> answers, choices;
};

class Curriculum {
 public:
  // Throws std::runtime_error if the topics yield too few facts to divide.
  Curriculum(const Lexicon& lexicon, CurriculumOptions options);

  // `train` or `eval`; both tell every fact: what eval holds out is the wording.
  std::vector<TextDocument> documents(Split split) const;
  // Questions about the split's facts and, so that they are `unknowable_share` of all, about
  // made-up names of the split; shuffled. `stream` names the use, so that two uses draw different
  // wordings.
  std::vector<Question> questions(Split split, std::size_t per_fact, double unknowable_share,
                                  std::string_view stream) const;
  std::vector<Preference> preferences(Split split) const;
  // Unfinished sentences about the probes' facts.
  std::vector<Opening> openings() const;

  const std::vector<Fact>& facts(Split split) const { return facts_[static_cast<int>(split)]; }
  // The answer taught where nothing can be known, and others that say so too.
  static const std::vector<std::string>& refusals();

 private:
  Question ask(const Fact& fact, bool reversed, const std::string& pattern, Random& random) const;
  Question ask_unknowable(const Fact& like, MadeUpNames& names, Random& random) const;
  std::vector<std::string> others(const Fact& fact, bool reversed, std::size_t count,
                                  Random& random) const;
  std::string ramble(Random& random) const;

  const Lexicon& lexicon_;
  NameKinds name_kinds_;
  CurriculumOptions options_;
  std::vector<Fact> all_, facts_[3];
};

}  // namespace lehr::plugins::wordnet
