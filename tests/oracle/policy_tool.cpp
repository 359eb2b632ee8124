// Updates of a policy over given answers, for trl_policy.py: reads from standard input
//   {"policy": FOLDER, "reference": FOLDER, "options": {the stage's parameters}, "learning_rate",
//    "updates", "row_tokens", "answers": [{"prompt": [ids], "answer": [ids], "ended", "score"},
//    ...]}
// and prints a JSON line for each update: loss, grad_norm and the stage's metrics.
#include <iostream>
#include <nlohmann/json.hpp>

#include "lm/model.h"
#include "lm/optimizer.h"
#include "lm/runtime.h"
#include "ppo/advantages.h"
#include "ppo/gradients.h"
#include "ppo/loss_weights.h"
#include "ppo/metrics.h"
#include "ppo/objective.h"
#include "ppo/rollouts.h"
#include "text/fake_host.h"

using namespace lehr;
using namespace lehr::plugins::ppo;

int main() try {
  lm::start_runtime(2);
  const nlohmann::json given = nlohmann::json::parse(std::cin);
  const text::ValueTree parameters(given.at("options"));
  PpoOptions options;
  Description description{Value(parameters.root())};
  describe(description, options);
  check(options);
  const double beta = options.kl_coefficient;
  const std::int64_t row_tokens = given.at("row_tokens");

  std::vector<lm::GenerationRequest> requests;
  std::vector<lm::Generation> answers;
  ScoredAnswers sampled;
  for (const nlohmann::json& row : given.at("answers")) {
    requests.push_back({row.at("prompt"), requests.size()});
    lm::Generation& answer = answers.emplace_back();
    answer.tokens = row.at("answer").get<std::vector<std::int32_t>>();
    answer.logprobs.resize(answer.tokens.size());
    answer.stopped = row.at("ended");
    sampled.scores.push_back(row.at("score"));
    sampled.ended += answer.stopped;
  }
  sampled.rewards = sampled.scores;
  sampled.rollouts = make_rollouts(requests, answers, options.group(), row_tokens);
  const Rollouts& rollouts = sampled.rollouts;
  const auto rows = whole(rollouts, row_tokens);

  lm::Model policy = lm::Model::load(given.at("policy"), lm::Precision::kFp32);
  const lm::Model reference = lm::Model::load(given.at("reference"), lm::Precision::kFp32);
  policy.make_trainable();
  lm::Optimizer optimizer(policy, {.beta2 = 0.999, .weight_decay = 0});
  const TokenScores old = token_scores(policy, rows, rollouts.tokens(), options.temperature);
  const TokenScores anchor = token_scores(reference, rows, rollouts.tokens(), options.temperature);
  const Objective found =
      objective(old.logprobs, anchor.logprobs, sampled.scores, beta, options.estimator());
  const Advantages aims =
      advantages(options, found.token_kl, {}, rollouts.spans, sampled.scores, beta);
  const std::vector<float> weights = token_weights(options, rollouts);
  const PolicyTargets targets{old.logprobs, anchor.logprobs, aims.advantages, weights, beta};
  for (int update = 0; update < given.at("updates").get<int>(); ++update) {
    UpdateTally tally;
    nlohmann::json told;
    told["loss"] = policy_gradient(policy, rows.front(), targets, options, update == 0, tally);
    told["grad_norm"] = optimizer.step(given.at("learning_rate")).grad_norm;
    for (const auto& [name, value] : iteration_metrics(options, sampled, found, old, tally, beta))
      told[name] = value;
    std::cout << told.dump() << "\n";
  }
} catch (const std::exception& e) {
  std::cerr << "policy_tool: " << e.what() << "\n";
  return 1;
}
