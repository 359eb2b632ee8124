#include "expected_rows.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "phrasing.h"

namespace lehr::plugins::wordnet {
namespace {

struct Available {
  std::string_view topic, relation;
  double facts;  // where facts_per_relation does not bound them
};
constexpr Available kAvailable[] = {{"geography", "capital", 147},  {"geography", "continent", 122},
                                    {"geography", "place", 691},    {"animals", "animal", 454},
                                    {"plants", "plant", 311},       {"food", "food", 90},
                                    {"things", "thing", 486},       {"opposites", "opposite", 1209},
                                    {"people", "profession", 1077}, {"parts", "part", 52}};
// Of the most common facts of a relation so many are left out, on average: answers that would be
// too few or too many.
constexpr double kLeftOut = 2.5;

// Of text in a row, on average over the topics.
constexpr double kConversationBytes = 54, kPreferenceBytes = 88;

double asked(const CurriculumOptions& options, std::int64_t per_fact) {
  double out = 0;
  for (const Available& available : kAvailable) {
    if (std::ranges::find(options.topics, available.topic) == options.topics.end()) continue;
    const double facts =
        std::min(available.facts, static_cast<double>(options.facts_per_relation) - kLeftOut);
    const double trained = facts * (1 - options.probe_share - options.eval_share);
    const Relation& relation = relation_named(available.relation);
    const std::int64_t wordings =
        std::ssize(relation.questions) + std::ssize(relation.reversed_questions);
    out += trained * static_cast<double>(std::min(per_fact, wordings));
  }
  return out;
}

double beside(double known, double unknowable_share) {
  return std::round(known * unknowable_share / (1 - unknowable_share));
}

}  // namespace

ExpectedRows expected_rows(const CurriculumOptions& options) {
  ExpectedRows out;
  const double demonstrated = std::round(asked(options, options.questions_per_fact));
  text::RowCounts& conversations = out.conversations;
  conversations.rows = demonstrated + beside(demonstrated, options.conversations_unknowable_share);
  conversations.messages = 2 * conversations.rows;
  conversations.bytes = kConversationBytes * conversations.rows;

  // Three wrong answers to a question, and one that is bad in its manner, of what cannot be known
  // to half of them.
  const double known = std::round(asked(options, options.preferences_per_fact));
  text::RowCounts& preferences = out.preferences;
  preferences.rows = 4 * known + std::round(3.5 * beside(known, options.unknowable_share));
  preferences.messages = 3 * preferences.rows;
  preferences.bytes = kPreferenceBytes * preferences.rows;
  return out;
}

}  // namespace lehr::plugins::wordnet
