#include "scored_answers.h"

#include <lehr/description.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "lm/answer_text.h"

namespace lehr::plugins::ppo {

namespace {

constexpr std::size_t kSamples = 3, kSampleBytes = 240;  // to be read

// As metrics name them: without their plugin, and where one comes twice with its place.
std::vector<std::string> told_names(Value rewards) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < rewards.size(); ++i) names.push_back(rewards.at(i)["name"].string());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    out.emplace_back(names[i].substr(names[i].find('.') + 1));
    if (std::ranges::count(names, names[i]) > 1) out.back() += "[" + std::to_string(i) + "]";
  }
  return out;
}

// In quotes; of a long one the beginning.
std::string quoted(std::string text) {
  if (text.size() > kSampleBytes) {
    std::size_t end = kSampleBytes;
    while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
    text.replace(end, text.npos, "...");
  }
  return json_string(text);
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

// "Who?" -> "Me", score 1.2 (exact_answer 1, format 0.2)
std::string sample_text(const Question& question, const std::string& answer, std::size_t i,
                        const ScoredAnswers& scored) {
  const auto messages = nlohmann::json::parse(question.messages);
  std::string out = quoted(messages.back().at("content")) + " -> " + quoted(answer) +
                    (scored.rollouts.ended[i] ? "" : " (cut off)") + ", score " +
                    number(scored.scores[i]);
  std::string parts;
  for (const NamedScores& part : scored.parts)
    parts += (parts.empty() ? "" : ", ") + part.name + " " + number(part.scores[i]);
  return parts.empty() ? out : out + " (" + parts + ")";
}

}  // namespace

AnswerSampler::AnswerSampler(Context& context, const PpoOptions& options,
                             const std::vector<double>& reward_weights, std::int64_t row_tokens,
                             const lm::Model& policy, const lm::Judge* judge,
                             const text::Tokenizer& tokenizer, Ask ask)
    : context_(context),
      options_(options),
      reward_weights_(reward_weights),
      reward_names_(told_names(context.parameters()["rewards"])),
      row_tokens_(row_tokens),
      policy_(policy),
      judge_(judge),
      tokenizer_(tokenizer),
      ask_(std::move(ask)) {}

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
  for (std::size_t i = 0; i < answers.size() && out.samples.size() < kSamples;
       i += static_cast<std::size_t>(group))
    out.samples.push_back(
        sample_text(*questions[i], lm::answer_text(tokenizer_, answers[i].tokens, true), i, out));
  return out;
}

void AnswerSampler::score(const std::vector<const Question*>& questions,
                          const std::vector<lm::Generation>& answers, ScoredAnswers& out) const {
  std::vector<double>& scores = out.rewards;
  scores.assign(answers.size(), 0.0);
  if (judge_ != nullptr) {
    const AnswerScores raw =
        answer_scores(judge_->model, judge_->heads, out.rollouts, row_tokens_, ask_);
    std::vector<double> normalized;
    for (const double score : raw.scores) normalized.push_back(judge_->scale.normalized(score));
    for (std::size_t i = 0; i < scores.size(); ++i)
      scores[i] += options_.reward_weight * normalized[i];
    if (!reward_weights_.empty()) out.parts.push_back({"reward_model", std::move(normalized)});
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
    out.parts.push_back({reward_names_[r], found});
  }
}

}  // namespace lehr::plugins::ppo
