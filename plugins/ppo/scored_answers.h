// What an iteration learns from: answers of the policy and what the reward model, the plugin
// rewards or both think of them.
#pragma once

#include <lehr/context.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lm/generator.h"
#include "lm/judge.h"
#include "lm/model.h"
#include "options.h"
#include "questions.h"
#include "rollouts.h"
#include "text/tokenizer.h"

namespace lehr::plugins::ppo {

// By one of several that score: per answer, not weighted.
struct NamedScores {
  std::string name;
  std::vector<double> scores;
};

struct ScoredAnswers {
  Rollouts rollouts;
  std::vector<double> scores;               // per answer, penalty included
  double ended = 0;                         // answers that ended their turn
  std::vector<double> rewards = {};         // per answer, without the penalty
  std::optional<double> disagreement = {};  // of the heads of a judge that has several
  std::vector<NamedScores> parts = {};      // of the rewards, and of the judge beside them
  std::vector<std::string> samples = {};    // to be read: a few answers with question and score
};

class AnswerSampler {
 public:
  // All references, and the judge where there is one, must outlive the sampler; it reads the policy
  // anew at every call. row_tokens: of packed rows, which the judge scores. `ask` is called at
  // every token that is drawn and every row that is scored, and may throw.
  AnswerSampler(Context& context, const PpoOptions& options,
                const std::vector<double>& reward_weights, std::int64_t row_tokens,
                const lm::Model& policy, const lm::Judge* judge, const text::Tokenizer& tokenizer,
                Ask ask);

  // Answers to `questions`, the i-th drawn from random stream first + i; every `group` in a row are
  // the same question.
  ScoredAnswers sample(const std::vector<const Question*>& questions, std::uint64_t first,
                       std::int64_t group) const;

 private:
  // Fills rewards, disagreement and parts.
  void score(const std::vector<const Question*>& questions,
             const std::vector<lm::Generation>& answers, ScoredAnswers& out) const;

  Context& context_;
  const PpoOptions& options_;
  const std::vector<double>& reward_weights_;
  const std::vector<std::string> reward_names_;  // as metrics have them
  std::int64_t row_tokens_;
  const lm::Model& policy_;
  const lm::Judge* judge_;
  const text::Tokenizer& tokenizer_;
  Ask ask_;
};

}  // namespace lehr::plugins::ppo
