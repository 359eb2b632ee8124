#include "scored_answers.h"

#include <lehr/description.h>

#include <cmath>
#include <string>

#include "lm/answer_text.h"

namespace lehr::plugins::ppo {

ScoredAnswers AnswerSampler::sample(const std::vector<const Question*>& questions,
                                    std::uint64_t first, std::int64_t group) const {
  std::vector<lm::GenerationRequest> requests;
  for (std::size_t i = 0; i < questions.size(); ++i)
    requests.push_back({questions[i]->ids, first + i});
  lm::GenerationOptions generation;
  generation.sampling.temperature = options_.temperature;
  generation.max_new_tokens = options_.max_new_tokens;
  generation.batch = options_.decoding_batch;
  generation.seed = context_.seed();
  generation.stop_tokens = {static_cast<std::int32_t>(*tokenizer_.im_end()),
                            static_cast<std::int32_t>(tokenizer_.end_of_text())};
  const lm::GenerationCallbacks asking{[&](std::size_t, const lm::Generation&) {
    ask_();
    return false;
  }};
  const std::vector<lm::Generation> answers = lm::generate(policy_, requests, generation, asking);
  ScoredAnswers out{make_rollouts(requests, answers, group, row_tokens_), {}, 0};
  score(questions, answers, out);
  out.scores = out.rewards;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].stopped)
      out.ended += 1;
    else
      out.scores[i] -= options_.missing_end_penalty;
  }
  return out;
}

void AnswerSampler::score(const std::vector<const Question*>& questions,
                          const std::vector<lm::Generation>& answers, ScoredAnswers& out) const {
  std::vector<double>& scores = out.rewards;
  scores.assign(answers.size(), 0.0);
  if (judge_ != nullptr) {
    const AnswerScores raw =
        answer_scores(judge_->model, judge_->heads, out.rollouts, row_tokens_, ask_);
    for (std::size_t i = 0; i < scores.size(); ++i)
      scores[i] += options_.reward_weight * judge_->scale.normalized(raw.scores[i]);
    if (!raw.heads.empty()) out.disagreement = lm::disagreement(judge_->head_scales, raw.heads);
  }
  if (reward_weights_.empty()) return;
  std::vector<std::string> completions;
  for (const lm::Generation& answer : answers)
    completions.push_back(lm::answer_text(tokenizer_, answer.tokens, true));
  std::vector<lehr_exchange> exchanges;
  for (std::size_t i = 0; i < answers.size(); ++i)
    exchanges.push_back({borrow(questions[i]->messages), borrow(completions[i]),
                         borrow(questions[i]->reference), answers[i].stopped ? 0u : 1u});
  for (std::size_t r = 0; r < reward_weights_.size(); ++r) {
    const std::vector<double> found = context_.score("rewards", r, exchanges);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      // One such score would make every advantage of the iteration a NaN.
      if (!std::isfinite(found[i]))
        throw Error("rewards[" + std::to_string(r) + "] scores " + std::to_string(found[i]) +
                    " for the answer " + json_string(completions[i]) + " to " +
                    questions[i]->messages + "; a score must be a number");
      scores[i] += reward_weights_[r] * found[i];
    }
  }
}

}  // namespace lehr::plugins::ppo
