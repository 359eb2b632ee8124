#include "expected_rows.h"

#include <gtest/gtest.h>

#include "real_lexicon_test.h"

namespace lehr::plugins::wordnet {
namespace {

// Of the rows that the stage makes.
ExpectedRows made(const CurriculumOptions& options) {
  const Curriculum curriculum(lexicon(), options);
  ExpectedRows out;
  for (const Question& question :
       curriculum.questions(Split::train, static_cast<std::size_t>(options.questions_per_fact),
                            options.conversations_unknowable_share, "conversations")) {
    const auto& answers = question.knowable() ? question.answers : Curriculum::refusals();
    out.conversations.add(
        text::Conversation{{{"user", question.text}, {"assistant", answers.front()}}});
  }
  for (const Preference& preference : curriculum.preferences(Split::train)) {
    text::Preference row;
    row.prompt = {{"user", preference.question.text}};
    row.chosen = {{"assistant", preference.chosen}};
    row.rejected = {{"assistant", preference.rejected}};
    out.preferences.add(row);
  }
  return out;
}

void expect_near(const text::RowCounts& expected, const text::RowCounts& made, double bytes) {
  EXPECT_NEAR(expected.rows, made.rows, 0.15 * made.rows);
  EXPECT_EQ(expected.messages / expected.rows, made.messages / made.rows);
  EXPECT_NEAR(expected.bytes, made.bytes, bytes * made.bytes);
}

TEST(ExpectedRows, AreAboutThoseThatAreMade) {
  CurriculumOptions options, few, many;
  options.seed = few.seed = many.seed = 7;
  few.facts_per_relation = 25;
  few.unknowable_share = 0;
  few.questions_per_fact = 1;
  many.facts_per_relation = 200;  // more than there are of most of these
  many.topics = {"geography", "plants", "food", "parts", "food"};
  many.preferences_per_fact = many.questions_per_fact = 5;  // more than there are wordings
  for (const CurriculumOptions& one : {options, few, many}) {
    const ExpectedRows expected = expected_rows(one), rows = made(one);
    expect_near(expected.conversations, rows.conversations, 0.25);
    expect_near(expected.preferences, rows.preferences, 0.25);
  }
}

// No topic is far from the average of all.
TEST(ExpectedRows, HoldForEachTopicAlone) {
  for (const std::string_view topic : kTopics) {
    CurriculumOptions options;
    options.topics = {std::string(topic)};
    options.facts_per_relation = 80;
    SCOPED_TRACE(topic);
    const ExpectedRows expected = expected_rows(options), rows = made(options);
    expect_near(expected.conversations, rows.conversations, 0.35);
    expect_near(expected.preferences, rows.preferences, 0.35);
  }
}

}  // namespace
}  // namespace lehr::plugins::wordnet
