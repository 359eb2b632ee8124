// On the real database: what a learner is asked, and where.
#include "curriculum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "phrasing.h"
#include "real_lexicon_test.h"

namespace lehr::plugins::wordnet {
namespace {

CurriculumOptions small() {
  CurriculumOptions options;
  options.facts_per_relation = 40;
  options.statements_per_fact = 4;
  options.seed = 7;
  return options;
}

std::string all_text(const std::vector<TextDocument>& documents) {
  std::string text;
  for (const TextDocument& document : documents) text += document.text + "\n";
  return text;
}

std::string lowered(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

const Fact* find_fact(const std::vector<Fact>& facts, std::string_view subject) {
  const auto found =
      std::ranges::find_if(facts, [&](const Fact& fact) { return fact.subject.text == subject; });
  return found == facts.end() ? nullptr : &*found;
}

TEST(Facts, KnowCapitalsContinentsAndPlaces) {
  const auto facts = extract_facts(lexicon(), "geography", 150);
  std::set<std::string> told;
  for (const Fact& fact : facts) {
    told.insert(fact.relation + ":" + fact.subject.text + ":" + fact.object.text);
  }
  for (const char* known :
       {"capital:France:Paris", "capital:Poland:Warsaw", "capital:Netherlands:Amsterdam",
        "capital:Tajikistan:Dushanbe", "continent:Kenya:Africa", "continent:Peru:South America",
        "place:Venice:Italy", "place:Volga:Russia"}) {
    EXPECT_TRUE(told.contains(known)) << known;
  }
}

TEST(Facts, GiveCountriesTheirArticle) {
  const auto facts = extract_facts(lexicon(), "geography", 150);
  EXPECT_EQ(find_fact(facts, "Netherlands")->subject.article, "the");
  EXPECT_EQ(find_fact(facts, "United States")->subject.article, "the");
  EXPECT_EQ(find_fact(facts, "France")->subject.article, "");
  EXPECT_EQ(find_fact(facts, "Cyprus")->subject.article, "");
}

TEST(Facts, DropWordsWithMoreThanOneOpposite) {
  const auto facts = extract_facts(lexicon(), "opposites", 2000);
  EXPECT_EQ(find_fact(facts, "hot")->object.text, "cold");
  EXPECT_EQ(find_fact(facts, "light"), nullptr);
}

TEST(Facts, OfEveryTopicHaveOneObjectForASubject) {
  for (const std::string_view topic : kTopics) {
    const auto facts = extract_facts(lexicon(), topic, 60);
    EXPECT_GE(facts.size(), 30u) << topic;
    std::set<std::pair<std::string, std::string>> subjects;
    for (const Fact& fact : facts) {
      EXPECT_TRUE(subjects.emplace(fact.relation, fact.subject.text).second) << fact.subject.text;
      EXPECT_EQ(fact.object.accepted.front(), fact.object.text);
      EXPECT_NE(fact.subject.text, fact.object.text);
    }
  }
}

TEST(Curriculum, TellsEveryFactAsOftenAsAsked) {
  auto options = small();
  options.gloss_share = 0;
  const Curriculum curriculum(lexicon(), options);
  const std::string text = lowered(all_text(curriculum.documents(Split::train)));
  for (const Split split : {Split::train, Split::eval, Split::probe}) {
    for (const Fact& fact : curriculum.facts(split)) {
      std::size_t seen = 0;
      const std::string subject = lowered(fact.subject.text);
      for (auto at = text.find(subject); at != std::string::npos; at = text.find(subject, at + 1)) {
        ++seen;
      }
      EXPECT_GE(seen, 4u) << fact.subject.text;
    }
  }
}

TEST(Curriculum, AsksProbedFactsNowhereElse) {
  const Curriculum curriculum(lexicon(), small());
  std::set<std::string> asked;
  for (const Split split : {Split::train, Split::eval}) {
    for (const char* use : {"conversations", "prompts"}) {
      for (const Question& question : curriculum.questions(split, 100, 0.3, use)) {
        asked.insert(question.text);
      }
    }
    for (const Preference& one : curriculum.preferences(split)) asked.insert(one.question.text);
  }
  for (const Fact& fact : curriculum.facts(Split::probe)) {
    const Relation& relation = relation_named(fact.relation);
    for (const auto& pattern : relation.questions) {
      EXPECT_FALSE(asked.contains(capitalised(fill(pattern, fact)))) << fill(pattern, fact);
    }
    for (const auto& pattern : relation.reversed_questions) {
      EXPECT_FALSE(asked.contains(capitalised(fill(pattern, fact)))) << fill(pattern, fact);
    }
  }
}

TEST(Curriculum, NeverGivesAMadeUpNameToTwoParts) {
  const Curriculum curriculum(lexicon(), small());
  std::set<std::string> seen;
  for (const Split split : {Split::train, Split::eval, Split::probe}) {
    std::set<std::string> here;
    for (const Question& question : curriculum.questions(split, 3, 0.3, "conversations")) {
      if (!question.knowable()) here.insert(question.text);
    }
    EXPECT_GE(here.size(), 10u);
    for (const std::string& text : here) EXPECT_TRUE(seen.insert(text).second) << text;
  }
}

TEST(Curriculum, KeepsTheShareOfUnknowableQuestions) {
  const Curriculum curriculum(lexicon(), small());
  for (const double share : {0.0, 0.03, 0.3}) {
    const auto questions = curriculum.questions(Split::train, 3, share, "conversations");
    const auto unknowable = std::ranges::count_if(
        questions, [](const Question& question) { return !question.knowable(); });
    EXPECT_NEAR(static_cast<double>(unknowable) / static_cast<double>(questions.size()), share,
                0.005);
  }
}

TEST(Curriculum, PrefersTheRightAnswerToEachWrongOne) {
  const Curriculum curriculum(lexicon(), small());
  std::map<std::string, std::set<std::string>> rejected, wrong;
  for (const Preference& one : curriculum.preferences(Split::train)) {
    if (one.source != "wrong_fact" && one.source != "invented") continue;
    rejected[one.question.text].insert(one.rejected);
    wrong[one.question.text].insert(one.question.wrong.begin(), one.question.wrong.end());
  }
  EXPECT_EQ(rejected, wrong);
  const auto several = std::ranges::count_if(
      rejected, [](const auto& question) { return question.second.size() >= 3; });
  EXPECT_GE(several, static_cast<std::ptrdiff_t>(rejected.size() * 9 / 10));
}

TEST(Curriculum, PrefersTheTrueAnswerOfEachKindOfMistake) {
  const Curriculum curriculum(lexicon(), small());
  std::set<std::string> sources;
  for (const Preference& one : curriculum.preferences(Split::train)) {
    sources.insert(one.source);
    EXPECT_NE(one.chosen, one.rejected);
    const auto& right = one.question.answers;
    if (one.question.knowable()) {
      EXPECT_EQ(one.chosen, right.front());
      EXPECT_EQ(std::ranges::count(right, one.rejected), 0) << one.question.text;
    } else {
      EXPECT_EQ(one.chosen, "I don't know.");
    }
  }
  EXPECT_EQ(sources,
            (std::set<std::string>{"wrong_fact", "rambling", "needless_refusal", "invented"}));
}

TEST(Curriculum, OpensSentencesThatTheAnswerCompletes) {
  const Curriculum curriculum(lexicon(), small());
  for (const Opening& opening : curriculum.openings()) {
    EXPECT_EQ(std::ranges::count(opening.choices, opening.answers.front()), 1) << opening.text;
    EXPECT_GE(opening.choices.size(), 2u);
  }
}

TEST(Curriculum, DependsOnTheSeedAlone) {
  const Curriculum once(lexicon(), small()), again(lexicon(), small());
  EXPECT_EQ(all_text(once.documents(Split::train)), all_text(again.documents(Split::train)));
  auto options = small();
  options.seed = 8;
  EXPECT_NE(all_text(once.documents(Split::train)),
            all_text(Curriculum(lexicon(), options).documents(Split::train)));
}

TEST(Curriculum, LeavesOneOutputAloneWhenAnotherGrows) {
  auto options = small();
  options.statements_per_fact = 9;
  const Curriculum base(lexicon(), small()), longer(lexicon(), options);
  const auto a = base.questions(Split::train, 3, 0.3, "conversations");
  const auto b = longer.questions(Split::train, 3, 0.3, "conversations");
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].text, b[i].text);
}

TEST(Curriculum, RefusesSharesThatLeaveNothingToTrainOn) {
  auto options = small();
  options.eval_share = 0.5;
  options.probe_share = 0.5;
  EXPECT_THROW(Curriculum(lexicon(), options), std::runtime_error);
}

}  // namespace
}  // namespace lehr::plugins::wordnet
