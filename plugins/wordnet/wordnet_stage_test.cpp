#include "wordnet_stage.h"

#include <gtest/gtest.h>

#include "real_lexicon_test.h"
#include "text/row_counts.h"

namespace lehr::plugins::wordnet {
namespace {

TEST(WordNetStage, TellsHowManyRowsItWillMake) {
  Estimate estimate;
  WordNetStage().estimate({}, estimate);
  const auto conversations = text::RowCounts::told(estimate.outputs.at("conversations"));
  const auto preferences = text::RowCounts::told(estimate.outputs.at("preferences"));
  ASSERT_TRUE(conversations && preferences);

  CurriculumOptions options;
  options.seed = 7;  // a run's seed, which the estimate does not know
  const Curriculum curriculum(lexicon(), options);
  const auto questions =
      curriculum.questions(Split::train, static_cast<std::size_t>(options.questions_per_fact),
                           options.conversations_unknowable_share, "conversations");
  double bytes = 0;
  for (const Question& question : questions) bytes += static_cast<double>(question.text.size());
  EXPECT_NEAR(conversations->rows, static_cast<double>(questions.size()),
              0.05 * conversations->rows);
  EXPECT_EQ(conversations->messages, 2 * conversations->rows);
  EXPECT_GT(conversations->bytes, bytes);
  EXPECT_NEAR(preferences->rows, static_cast<double>(curriculum.preferences(Split::train).size()),
              0.05 * preferences->rows);
  EXPECT_EQ(preferences->messages, 3 * preferences->rows);
}

}  // namespace
}  // namespace lehr::plugins::wordnet
